# shellcheck shell=bash
# Pulumi replaces a command by running the new one first and undoing the former one last, with the same text. So a host counts, for each
# command, the undos that are still to come and must do nothing.

formers() { cat "$STATE/former/$1" 2>/dev/null || echo 0; }

# replaces COMMAND: what is created next replaces what is there. It is counted when that has succeeded.
replaces() {
  mkdir -p "$STATE/former"
  echo "$(($(formers "$1") + 1))" >"$STATE/former/$1.next"
}

# made COMMAND: it was created or updated, as WANTED says, and has answered: a script whose caller is gone ends at its answer. Pulumi
# undoes nothing after an update, nor after a creation that failed.
made() {
  local next=$STATE/former/$1.next
  if [ "$WANTED" = update ]; then rm -f "$next"; fi
  [ ! -e "$next" ] || mv "$next" "$STATE/former/$1"
}

# unless_replaced COMMAND: ends the undo of a former one, and goes on with that of the last one.
unless_replaced() {
  local count
  count=$(formers "$1")
  if [ "$count" = 0 ]; then
    rm -f "$STATE/former/$1" "$STATE/former/$1.next"
    return
  fi
  echo "$((count - 1))" >"$STATE/former/$1"
  say "it was replaced, and what replaced it stays"
  receipt ''
  exit 0
}
