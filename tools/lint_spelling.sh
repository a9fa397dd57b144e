#!/bin/sh
# codespell's misspelt words, in all text files of git, or without git in all files of
# the tree. tools/spelling.txt lists words that are right here.
set -eu

set -- --skip '*.svg,*.png,./tests/fuzz/*,tests/fuzz/*,./build*,./.git' --ignore-words tools/spelling.txt

# Escapes ("\nd") and macros of manual pages (".Nd") are no words.
set -- "$@" --ignore-regex '\\[a-z]|\.[A-Z][a-z]\b'

# shellcheck disable=SC2046
exec codespell "$@" $(git ls-files 2>/dev/null)
