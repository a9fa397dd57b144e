#!/bin/sh
# Scripts parse, and with shellcheck at hand it has nothing to say; manual pages
# are what mandoc wants them to be.
set -eu

status=0

for script in tools/*.sh tools/*/*.sh tests/*.sh packaging/*.sh; do
    [ -f "$script" ] || continue
    sh -n "$script" || status=1
    if command -v shellcheck >/dev/null 2>&1; then
        shellcheck --format=gcc --severity=warning "$script" || status=1
    fi
done
bash -n .ci/run || status=1

for script in tools/*.py tests/*.py tests/python/*.py \
    tests/patch_libraries/*.py bench/*.py \
    python/greenhub/*.py; do
    [ -f "$script" ] || continue
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(),
        sys.argv[1])' "$script" || status=1
done

pages=$(find man -name '*.[137]' | sort)
if [ -n "$pages" ]; then
    # shellcheck disable=SC2086
    mandoc -T lint -W warning $pages | sed 's/^mandoc: //' || status=1
    # shellcheck disable=SC2086
    mandoc -T lint -W warning $pages >/dev/null 2>&1 || status=1
fi

exit $status
