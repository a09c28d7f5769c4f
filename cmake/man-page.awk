# A program's --help, which follows from its table of properties, as a manual page.
#   PROGRAM --help | awk -v version=X -f man-page.awk >PROGRAM.1
function escaped(text) {
  gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text)
  return text ~ /^[.']/ ? "\\&" text : text
}
function section(name) { part = name; print ".SH " name }
NR == 1 {
  name = $1; sub(/:$/, "", name)
  summary = $0; sub(/^[^:]*: /, "", summary)
  printf ".TH %s 1 \"\" \"solid %s\" \"User Commands\"\n.SH NAME\n%s \\- %s\n", toupper(name), version, escaped(name), escaped(summary)
  next
}
/^usage: / { section("SYNOPSIS"); sub(/^usage: /, ""); print ".B " escaped($0); next }
/^  --/ && part !~ /^(NOTES|EXIT)/ {
  if (part != "OPTIONS") section("OPTIONS")
  flag = $0; meaning = ""
  if (match(substr($0, 3), /   */) && length($0) > 2 + RSTART) { flag = substr($0, 1, RSTART + 1); meaning = substr($0, RSTART + 2) }
  sub(/^ */, "", flag); sub(/^ */, "", meaning)
  print ".TP\n.B " escaped(flag)
  if (meaning != "") print escaped(meaning)
  next
}
/^exit codes:/ { section("EXIT STATUS"); next }
part == "EXIT STATUS" && NF { code = $1; sub(/^ *[0-9]+ */, ""); print ".TP\n.B " code "\n" escaped($0); next }
!NF { blank = 1; next }
part == "OPTIONS" && /^ / { sub(/^ */, ""); print escaped($0); next } # the meaning of a long flag
part == "OPTIONS" { section("NOTES") }
!part { section("DESCRIPTION") }
{ sub(/^ */, ""); print (blank ? ".PP\n" : ".br\n") escaped($0); blank = 0 }
