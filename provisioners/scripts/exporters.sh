# shellcheck shell=bash
# Exporters that come from the distribution, and what all exporters need of their host.

# refuse_owners_exporter UNIT PACKAGE: refuses to take over an exporter that the owner runs already.
refuse_owners_exporter() {
  if recorded exporter "$1"; then return; fi
  [ "$(systemctl is-enabled "$1" 2>/dev/null || true)" != masked ] ||
    fail "$1 of the package $2 is masked by the owner; remove it from this host's exporters, or run systemctl unmask $1"
  if ! systemctl is-active --quiet "$1" && ! systemctl is-enabled --quiet "$1" 2>/dev/null; then
    record exporter "$1"
    return
  fi
  fail "$1 of the package $2 is the owner's and runs already; remove it from this host's exporters and list its port under scrape," \
    "or disable it (systemctl disable --now $1)"
}

# packaged_exporters UNIT...: removes exporters of packages that the plan does not have any more. The packages stay, disabled.
packaged_exporters() {
  local unit
  while read -r unit; do
    [[ " $* " == *" $unit "* ]] || remove_exporter "$unit"
  done < <(sed -n 's/^exporter //p' "$STATE/manifest")
}

# remove_exporter UNIT: stops it before it removes its drop-in, because without that it would listen on all addresses.
remove_exporter() {
  local folder=$UNIT_FOLDER/$1.d
  systemctl disable --quiet --now "$1" 2>/dev/null || ! systemctl is-active --quiet "$1" || fail_unit "$1" "does not stop"
  remove "$folder/$DROP_IN"
  ! recorded file "$CONFIG_FOLDER/${1%.service}.cnf" || remove "$CONFIG_FOLDER/${1%.service}.cnf"
  if recorded dir "$folder" && rmdir "$folder" 2>/dev/null; then forget dir "$folder"; fi
  forget unit "$1"
  forget exporter "$1"
  rm -f "$STATE/started/$1"
  systemctl daemon-reload
}

# knows_flags NAME PROGRAM CHECK FLAG...: refuses flags that an exporter does not know. CHECK is a flag that makes it end. A package that is
# not installed yet is asked afterwards.
#
# A program may read its flags in one way in one release of the distribution, and in another way in the next. So it is asked twice. Go's own
# package reads all of them, and a flag whose value is missing would take CHECK for it: there CHECK must come first, or the exporter starts.
# kingpin ends at CHECK, so there it must come last. The second question is asked only if the first one found nothing.
knows_flags() {
  local name=$1 program=$2 check=$3
  shift 3
  [ -x "$program" ] || return 0
  if ends_well "$program" "$check" "$@" && ends_well "$program" "$@" "$check"; then return; fi
  fail "the $name exporter refuses its flags ($*); see its reason above. Correct flags.$name in the stack file"
}

# ends_well PROGRAM FLAG...: runs it without privileges, and prints what it says if it fails.
ends_well() {
  local said
  said=$(timeout 20 setpriv --reuid nobody --regid nogroup --clear-groups -- "$@" 2>&1 </dev/null) && return
  printf '%s\n' "$said" | head -n 3 >&2
  return 1
}

# secret_file NAME PATH VARIABLE: refuses a file that does not exist, or that others than root could read.
secret_file() {
  local mode
  [ -f "$2" ] || fail "the $1 exporter's secret file $2 does not exist; make it, with mode 600, and a line like $3=…"
  mode=$(stat -c '%U %a' "$2")
  [[ $mode == root\ ?00 ]] || fail "the $1 exporter's secret file $2 can be read by others than root; run chown root $2 && chmod 600 $2"
}
