# shellcheck shell=bash
# Upstream releases: fetched, checked, unpacked below /opt/promwire, and linked into /usr/local/bin.

# release NAME VERSION MB BINARY...: installs a release. Standard input has a line for each architecture: its Debian name, the
# archive's URL, its SHA-256. MB is the disk space for archive and contents together.
release() {
  local name=$1 version=$2 room=$3 url sum home=/opt/promwire/$1-$2 binary
  shift 3
  read -r _ url sum < <(grep "^$(dpkg --print-architecture) " || true) ||
    fail "$name $version has no checksum for $(dpkg --print-architecture); add one to the stack file, below releases"
  if [ "$(cat "$home/.sha256" 2>/dev/null || true)" != "$sum" ]; then
    dir /opt/promwire 755
    space "$room" /opt/promwire
    unpack "$home" "$url" "$sum"
    CHANGED+=("$name $version")
  fi
  for binary in "$@"; do
    symlink "$BINARIES/$binary" "$home/$binary"
  done
  installed "$name" "$version"
}

# unpack HOME URL SHA256: downloads an archive, checks it, and unpacks it to HOME.
unpack() {
  local home=$1 url=$2 sum=$3 new=/opt/promwire/.new seen
  rm -rf "$new"
  mkdir "$new"
  curl --fail --silent --show-error --location --retry 4 --retry-connrefused --connect-timeout 15 --max-time 600 \
    --output "$new/archive" "$url" || {
    rm -rf "$new"
    fail "$url can't be downloaded; see curl's reason above"
  }
  seen=$(sha256sum "$new/archive" | cut -d ' ' -f 1)
  if [ "$seen" != "$sum" ]; then
    rm -rf "$new"
    fail "$url has the SHA-256 $seen instead of $sum; nothing of it was unpacked. Check version and sums in the stack file"
  fi
  mkdir "$new/home"
  tar --extract --gzip --file "$new/archive" --directory "$new/home" --strip-components 1 --no-same-owner
  printf '%s\n' "$sum" >"$new/home/.sha256"
  rm -rf "$home"
  mv "$new/home" "$home"
  rm -rf "$new"
}

# symlink PATH TO: makes PATH a symbolic link, in one step.
symlink() {
  [ "$(readlink "$1" || true)" != "$2" ] || return 0
  if [ -e "$1" ] && ! recorded file "$1"; then
    fail "$1 exists already and is not promwire's; move it away, or leave this host out of the fleet"
  fi
  record file "$1"
  ln --symbolic --force --no-dereference "$2" "$1.promwire"
  mv --no-target-directory "$1.promwire" "$1"
  CHANGED+=("$1")
}

# prune NAME VERSION: removes all other versions, which are not linked any more.
prune() {
  local home
  for home in /opt/promwire/"$1"-[0-9]*; do
    [ "$home" = "/opt/promwire/$1-$2" ] || rm -rf "$home"
  done
}

# remove_release NAME [FILE...]: removes a program that the plan does not have any more, with its unit, user and own files.
remove_release() {
  local name=$1 file
  remove_unit "$name.service"
  for file in "$BINARIES/$name" "$USER_FOLDER/$name.conf" "${@:2}"; do
    ! recorded file "$file" || remove "$file"
  done
  rm -rf /opt/promwire/"$name"-[0-9]*
  recorded user "$name" || return 0
  userdel "$name"
  forget user "$name"
  CHANGED+=("user $name")
}
