using Xunit.Sdk;
using Xunit.v3;

// libtorch's threads would compete for the cores.
[assembly: Parallelization(Mode = ParallelMode.None)]
