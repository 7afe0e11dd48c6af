# shellcheck shell=bash
# Upstream releases: fetched, checked, unpacked in a folder of its own, and linked into /usr/local/bin.

# release NAME VERSION MB: installs a release; link_release makes it the one that runs. Standard input has a line for each architecture: its Debian name, the
# archive's URL, its SHA-256. MB is the disk space for archive and contents together.
release() {
  local name=$1 version=$2 room=$3 url sum home=$RELEASES/$1-$2
  read -r _ url sum < <(grep "^$(dpkg --print-architecture) " || true) ||
    fail "$name $version has no checksum for $(dpkg --print-architecture); add one to the stack file, below releases"
  if [ "$(cat "$home/.sha256" 2>/dev/null || true)" != "$sum" ]; then
    dir "$RELEASES" 755
    space "$room" "$RELEASES"
    unpack "$home" "$url" "$sum"
    CHANGED+=("$name $version")
  fi
  installed "$name" "$version"
}

# link_release NAME VERSION BINARY...: makes the programs of a release those that run from now on.
link_release() {
  local home=$RELEASES/$1-$2 binary
  for binary in "${@:3}"; do
    symlink "$BINARIES/$binary" "$home/$binary"
  done
}

# unpack HOME URL SHA256: downloads an archive, checks it, and unpacks it to HOME.
unpack() {
  local home=$1 url=$2 sum=$3 new=$RELEASES/.new seen
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
  if [ "$(readlink "$1" || true)" = "$2" ]; then
    record file "$1"
    return
  fi
  if link_taken "$1"; then refuse_taken "$1"; fi
  record file "$1"
  ln --symbolic --force --no-dereference "$2" "$1.promwire"
  mv --no-target-directory "$1.promwire" "$1"
  CHANGED+=("$1")
}

# link_taken PATH: says whether there is something else than a link to a release.
link_taken() { [[ $(readlink "$1" || true) != "$RELEASES"/* ]] && taken "$1" </dev/null; }

# prune NAME VERSION: removes all other versions, which are not linked any more.
prune() {
  local home
  for home in "$RELEASES/$1"-[0-9]*; do
    [ "$home" = "$RELEASES/$1-$2" ] || rm -rf "$home"
  done
}

# remove_release NAME [FILE...]: removes a program that the plan does not have any more, with its unit, user and own files.
remove_release() {
  local name=$1 file
  remove_unit "$name.socket" # first: it would start the service again
  remove_unit "$name.service"
  for file in "$BINARIES/$name" "$USER_FOLDER/$name.conf" "${@:2}"; do
    ! recorded file "$file" || remove "$file"
  done
  rm -rf "$RELEASES/$name"-[0-9]*
  recorded user "$name" || return 0
  userdel "$name"
  forget user "$name"
  CHANGED+=("user $name")
}
