# shellcheck shell=bash
# The fleet page: files that Prometheus serves. They come in front of the monitor's script and are in no state, which has only their version.

# no_page removes the page.
no_page() {
  local path former=${#CHANGED[@]}
  recorded dir "$PAGE" || return 0
  for path in "$PAGE"/*; do remove "$path"; done
  remove_dir "$PAGE"
  [ -d "$PAGE" ] || forget dir "$PAGE"
  if [ ${#CHANGED[@]} -gt "$former" ]; then CHANGED=("${CHANGED[@]:0:former}" "$PAGE"); fi
}

# page VERSION: puts the files of PAGE_FILES into PAGE, and removes what another version had there. A script that is run without them, by hand,
# leaves the page as it is. The receipt, which is in the state, names the folder and not each file.
page() {
  local name path former=${#CHANGED[@]}
  [ -n "${PAGE_FILES-}" ] || return 0
  dir "$PAGE" 755
  for name in $PAGE_FILES; do from_library "page_$name" put "$PAGE/$name" 644; done
  for path in "$PAGE"/*; do
    [[ " $PAGE_FILES " == *" ${path##*/} "* ]] || remove "$path"
  done
  if [ ${#CHANGED[@]} -gt "$former" ]; then CHANGED=("${CHANGED[@]:0:former}" "$PAGE"); fi
}
