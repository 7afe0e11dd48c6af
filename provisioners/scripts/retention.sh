# shellcheck shell=bash
# How much of its file system Prometheus may take.

# retention fit|exact SIZE COMMAND...: gives a command, such as put, Prometheus's configuration, which is standard input. A default SIZE
# is fitted to the file system. One that the operator wrote is his, and refused if it can't fit.
retention() {
  local wanted whole mount text
  text=$(cat)
  wanted=$(numfmt --from=iec --to-unit=1048576 "${2%B}")
  read -r whole mount < <(df --output=size,target --block-size=1M "$PROMETHEUS_DATA" | tail -n 1)
  if [ "$1" = fit ] && [ "$wanted" -gt $((whole * 6 / 10)) ]; then
    text=${text/"size: $2"/"size: $((whole * 6 / 10))MB"}
  elif [ "$wanted" -gt $((whole * 9 / 10)) ]; then
    fail "retention.size: Prometheus can't keep $2: the file system at $mount has $whole MB; write at most $((whole * 9 / 10))MB, or enlarge it"
  fi
  "${@:3}" <<<"$text"
}
