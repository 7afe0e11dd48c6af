# shellcheck shell=bash
# The operator's secrets, each a file of its own that one service reads.

# secret FOLDER USER NAME: standard input becomes a file that only USER and root read.
secret() {
  dir "$1" 755
  put "$1/$3" "400:$2"
}

# secrets_only FOLDER NAME...: removes the secrets of others.
secrets_only() {
  local file
  for file in "$1"/*; do
    [ ! -e "$file" ] || [[ " ${*:2} " == *" ${file##*/} "* ]] || remove "$file"
  done
}
