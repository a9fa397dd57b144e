#!/bin/sh
# fuzz.sh BUILD_DIRECTORY SECONDS
#
# Runs each fuzz target for this time, one after the other, and prints the number of
# inputs that it tried. Inputs that reached new code stay in BUILD_DIRECTORY/corpus, with
# which the next run begins. An input that fails is kept there too; the exit status is 1.
set -u

build=$1
seconds=$2
status=0

export ASAN_OPTIONS="detect_stack_use_after_return=0:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS-}"

for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    name=${name#fuzz_}
    corpus=$build/corpus/$name
    log=$build/corpus/$name.log
    mkdir -p "$corpus"
    [ -x "$build/tests/fuzz_$name" ] || continue # a companion that was not built
    if "$build/tests/fuzz_$name" -max_total_time="$seconds" -max_len=512 \
        -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$build/corpus/$name-" \
        "$corpus" "tests/fuzz/$name" >"$log" 2>&1 </dev/null; then
        sed -n "s/^stat::number_of_executed_units: */$name: executions: /p" "$log"
    else
        status=1
        grep -v '^#[0-9]' "$log" | tail -n 40
        echo "$name: FAILED; the whole log is $log"
    fi
done
exit $status
