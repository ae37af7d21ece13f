using Xunit.Sdk;
using Xunit.v3;

// One test at a time: torch uses all cores by itself, and a test that allocates while another is inside libtorch can
// have TorchSharp's temporary scalars collected under it (see docs/architecture.md).
[assembly: Parallelization(Mode = ParallelMode.None)]
