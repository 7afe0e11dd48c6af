# shellcheck shell=bash
# The SSH server: one lasting host key, and no connections that nobody uses.

# retire removes the temporary host key that a new machine came with. Whoever runs this has pinned the lasting one.
retire() {
  [ -e "$STATE/retire-ecdsa" ] || return 0
  rm -f /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ecdsa_key.pub
  systemctl try-reload-or-restart ssh.service
  rm "$STATE/retire-ecdsa"
  CHANGED+=("temporary SSH host key")
}

# hang_up: lets the server close connections that have no session left, where it can (OpenSSH 9.2 and later). Standard input
# is the configuration.
hang_up() {
  local before=${#CHANGED[@]}
  [[ $(/usr/sbin/sshd -T) == *unusedconnectiontimeout\ * ]] || return 0
  put /etc/ssh/sshd_config.d/promwire.conf 644 /usr/sbin/sshd -t -f
  [ ${#CHANGED[@]} = "$before" ] || systemctl try-reload-or-restart ssh.service
}
