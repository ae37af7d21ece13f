#!/usr/bin/env bash
# Marrow's proof on a GPU: tests on the device, compute-sanitizer, benchmarks, and the same work in Python's libraries.
#
#   tools/gpu-run.sh pack [FILE]      here: builds, and packs the programs, .NET's runtime and TorchSharp's library
#   tools/gpu-run.sh run [FILE] OUT   there: needs Linux on x64, PyTorch 2.10 with CUDA, and no .NET
#
# FILE is artifacts/gpu-run.tar.xz if not given, below 64 MiB. OUT gets report.md and report.json, which name the
# hardware, and the logs. Where there is no GPU, `run` says so and goes through all of it over the emulator, which needs
# g++; a rehearsal may take any libtorch by MARROW_LIBTORCH. FILTER=text limits the benchmarks, TESTS=name the tests'
# classes.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "gpu-run: $1" >&2; exit 1; }

pack() {
  local file=$1 stage=$scratch/stage runtime native
  cd "$root"
  dotnet build -c Release -v quiet -nologo tests/Runtime.Tests
  dotnet build -c Release -v quiet -nologo tests/Benchmarks
  mkdir -p "$stage/app" "$stage/dotnet/shared/Microsoft.NETCore.App"
  for program in Runtime.Tests Benchmarks; do
    (cd "tests/$program/bin/Release/net10.0" && tar -c --exclude='*.pdb' --exclude='*.xml' .) | tar -x -C "$stage/app"
  done
  runtime=$(dotnet --list-runtimes | sed -nE 's/^Microsoft\.NETCore\.App (10\.[^ ]+) \[(.*)\]$/\2\/\1/p' | tail -n 1)
  [ -d "$runtime" ] || fail ".NET's runtime is not where dotnet --list-runtimes says"
  cp -r "$runtime" "$stage/dotnet/shared/Microsoft.NETCore.App/"
  cp -r "$runtime/../../../host" "$stage/dotnet/"
  native=$(sed -nE 's/.*"Marrow\.LibTorchSharp": "([^"]+)".*/\1/p' "$stage/app/Marrow.Runtime.Tests.runtimeconfig.json")
  cp "$native/libLibTorchSharp.so" "$stage/app/"
  cp -r tools/gpu "$stage/"
  git rev-parse HEAD > "$stage/commit" 2> /dev/null || echo unknown > "$stage/commit"
  mkdir -p "$(dirname "$file")"
  tar -c -C "$stage" . | xz -T 0 -1 > "$file"
  local bytes
  bytes=$(stat -c %s "$file")
  [ "$bytes" -lt $((64 << 20)) ] || fail "$file has $bytes bytes, and a machine takes at most 64 MiB"
  echo "$file: $((bytes >> 20)) MiB"
}

run() {
  local file=$1 out=$2 work=$scratch/work device=emulator filter=${FILTER:-}
  [ -f "$file" ] || fail "$file is not there; make it with: tools/gpu-run.sh pack $file"
  mkdir -p "$out"
  out=$(cd "$out" && pwd)
  mkdir "$work"
  tar -x -J -C "$work" -f "$file"
  export DOTNET_ROOT=$work/dotnet DOTNET_CLI_TELEMETRY_OPTOUT=1
  if [ -z "${MARROW_LIBTORCH:-}" ]; then
    MARROW_LIBTORCH=$(python3 -c 'import os, torch; print(os.path.join(torch.__path__[0], "lib"))') ||
      fail "python3 has no PyTorch; install PyTorch 2.10 with CUDA, or set MARROW_LIBTORCH to its lib folder"
    export MARROW_LIBTORCH
  fi
  if nvidia-smi -L > "$out/devices.txt" 2> /dev/null && [ -s "$out/devices.txt" ]; then
    device=cuda
    nvidia-smi > "$out/nvidia-smi.txt"
  else
    echo "gpu-run: there is no GPU; this is a rehearsal over the emulator, which measures nothing." >&2
  fi

  local tests=(-trait Gpu=yes -noColor)
  [ -z "${TESTS:-}" ] || tests=(-class "*$TESTS*" -noColor)
  # cuBLAS gives the same bits each time with a workspace of this kind only.
  export CUBLAS_WORKSPACE_CONFIG=:4096:8
  stage tests env MARROW_TEST_DEVICE="$device" "$work/app/Marrow.Runtime.Tests" "${tests[@]}"
  if [ "$device" = cuda ] && command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck; do
      stage "$tool" env MARROW_TEST_DEVICE=cuda PYTORCH_NO_CUDA_MEMORY_CACHING=1 compute-sanitizer --tool "$tool" \
        --error-exitcode 9 "$work/app/Marrow.Runtime.Tests" -class '*KernelTests' -noColor
    done
  fi
  unset CUBLAS_WORKSPACE_CONFIG
  stage benchmarks "$work/app/Marrow.Benchmarks" --device "$device" --filter "$filter" \
    --json "$out/benchmarks.json" --markdown "$out/benchmarks.md"
  if python3 -c 'import torch' 2> /dev/null; then
    stage rivals python3 "$work/gpu/rivals.py" --device "$([ "$device" = cuda ] && echo cuda || echo cpu)" \
      --filter "$filter" --json "$out/rivals.json"
  fi
  python3 "$work/gpu/report.py" "$out" "$(cat "$work/commit")" "$device"
  cat "$out/report.md"
  ! grep -q '^[1-9]' "$out"/*.code || fail "a part failed; $out has the logs"
}

# Runs a part whatever became of the others: OUT/NAME.log, and its exit status in OUT/NAME.code.
stage() {
  local name=$1 code=0
  shift
  echo "gpu-run: $name" >&2
  "$@" > "$out/$name.log" 2>&1 || code=$?
  echo "$code" > "$out/$name.code"
}

standard=$root/artifacts/gpu-run.tar.xz
case ${1:-} in
  pack) pack "${2:-$standard}" ;;
  run)
    [ $# -ge 2 ] || fail "run needs a folder for the report: tools/gpu-run.sh run [FILE] OUT"
    if [ $# -ge 3 ]; then run "$2" "$3"; else run "$standard" "$2"; fi
    ;;
  *) fail "say pack [FILE] or run [FILE] OUT" ;;
esac
