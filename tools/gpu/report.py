"""Joins what tools/gpu-run.sh found to report.json and report.md."""
import datetime
import json
import pathlib
import re
import sys

out, commit, device = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def text(name):
    path = out / name
    return path.read_text(errors="replace") if path.exists() else ""


def data(name):
    content = text(name)
    return json.loads(content) if content else None


def tests(log):
    """Counts of xunit's last line, and the names of what failed."""
    total = re.search(r"Total: (\d+), Errors: (\d+), Failed: (\d+), Skipped: (\d+)", log)
    counts = dict(zip(("total", "errors", "failed", "skipped"), map(int, total.groups()))) if total else None
    return {"counts": counts, "failures": re.findall(r"^\s*(\S.*) \[FAIL\]", log, re.M)}


parts = {path.stem: int(path.read_text()) for path in sorted(out.glob("*.code"))}
benchmarks, rivals = data("benchmarks.json"), data("rivals.json")
report = {
    "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    "commit": commit.strip(),
    "device": (benchmarks or {}).get("device", device),
    "isEmulated": device == "emulator",
    "devices": text("devices.txt").splitlines(),
    "driver": next(iter(re.findall(r"Driver Version: *(\S+)", text("nvidia-smi.txt"))), None),
    "exitCodes": parts,
    "tests": tests(text("tests.log")),
    "sanitizers": {tool: re.findall(r"={9} (?:ERROR|RACECHECK) SUMMARY: .*", text(f"{tool}.log"))
                   for tool in ("memcheck", "racecheck") if tool in parts},
    "benchmarks": benchmarks,
    "rivals": rivals,
}
(out / "report.json").write_text(json.dumps(report, indent=2) + "\n")

lines = [f"# Marrow on {report['device']}", ""]
if report["isEmulated"]:
    lines += ["There was no GPU: a rehearsal over the emulator. No time below means anything.", ""]
lines += [f"{report['date']}, commit {report['commit']}", *report["devices"], ""]
counts = report["tests"]["counts"]
lines.append("Tests: " + ("none came to an end." if counts is None else ", ".join(
    f"{value} {name}" for name, value in counts.items()) + "."))
lines += [f"- failed: {name}" for name in report["tests"]["failures"]]
lines += [f"{tool}: {' '.join(found) or 'it did not come to an end'}" for tool, found in report["sanitizers"].items()]
lines += [f"{name} ended with {code}; see {name}.log." for name, code in parts.items() if code]
lines += ["", "## Benchmarks", "", text("benchmarks.md")]
if rivals:
    lines += [f"## In Python: PyTorch {rivals['torch']}", "",
              "| what | way | ms |", "| --- | --- | ---: |"]
    lines += [f"| {row['benchmark']} | {row['way']} | {row['milliseconds']:.3f} |" for row in rivals["rows"]]
    lines += [""] + [f"- {name}: {why}" for name, why in rivals["missing"].items()]
(out / "report.md").write_text("\n".join(lines) + "\n")
