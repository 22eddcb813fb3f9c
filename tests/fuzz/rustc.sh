#!/bin/sh
# rustc for the crates of the workspace, with what guides libFuzzer: which code an input reaches, and
# what it is compared with. Dependencies stay as they are, and so the stable compiler will do.
case " $* " in
*" --crate-name build_script_"* | *" --print "* | *" - "*) exec "$@" ;;
esac
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
