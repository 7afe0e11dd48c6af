# shellcheck shell=bash
# The host's key and certificate: its own, not one exporter's.

# identity_folder makes the folder of the host's key. The files of an earlier version are copied, so that the host keeps its key.
identity_folder() {
  local file former=/etc/node_exporter
  dir "$CONFIG_FOLDER" 755
  dir "$CERTIFICATES" 755
  for file in key request certificate authorities; do
    if [ ! -s "$former/$file.pem" ] || [ -e "$CERTIFICATES/$file.pem" ] || ! recorded file "$former/$file.pem"; then continue; fi
    record file "$CERTIFICATES/$file.pem"
    (umask 077 && cat "$former/$file.pem" >"$CERTIFICATES/$file.new")
    sync "$CERTIFICATES/$file.new"
    mv "$CERTIFICATES/$file.new" "$CERTIFICATES/$file.pem"
  done
}

# remove_former_identity removes what identity_folder copied, when no exporter uses it any more.
remove_former_identity() {
  local former=/etc/node_exporter file
  for file in key.pem request.pem certificate.pem authorities.pem web.yml; do
    ! recorded file "$former/$file" || remove "$former/$file"
  done
  if recorded dir "$former" && rmdir "$former" 2>/dev/null; then forget dir "$former"; fi
}
