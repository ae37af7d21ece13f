using Xunit;

// One test at a time: torch uses all cores by itself, and a test that allocates while another is inside libtorch can
// have TorchSharp's temporary scalars collected under it (see docs/architecture.md).
[assembly: CollectionBehavior(DisableTestParallelization = true)]
