# shellcheck shell=bash
# The SSH server: one lasting host key, and no unused connections.

# remove_temporary_key removes the temporary host key that a new machine came with. The connection that runs this has pinned the lasting one.
remove_temporary_key() {
  [ -e "$STATE/retire-ecdsa" ] || return 0
  rm -f /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ecdsa_key.pub
  systemctl try-reload-or-restart ssh.service
  rm "$STATE/retire-ecdsa"
  CHANGED+=("temporary SSH host key")
}

# close_unused_connections: lets the server close connections that have no session left, where it can (OpenSSH 9.2 and later). Standard input
# is the configuration.
close_unused_connections() {
  local before=${#CHANGED[@]}
  [[ $(/usr/sbin/sshd -T) == *unusedconnectiontimeout\ * ]] || return 0
  put "/etc/ssh/sshd_config.d/$DROP_IN" 644 /usr/sbin/sshd -t -f
  [ ${#CHANGED[@]} = "$before" ] || systemctl try-reload-or-restart ssh.service
}
