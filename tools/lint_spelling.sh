#!/bin/sh
# Misspelt words that codespell knows, in all text files that git knows, or without git
# in all that is there. tools/spelling.txt holds the words that are right here.
set -eu

set -- --skip '*.svg,*.png,./build*,./.git' --ignore-words tools/spelling.txt

# An escape is no letter ("\nd"), a macro of a manual page no word (".Nd").
set -- "$@" --ignore-regex '\\[a-z]|\.[A-Z][a-z]\b'

# shellcheck disable=SC2046
exec codespell "$@" $(git ls-files 2>/dev/null)
