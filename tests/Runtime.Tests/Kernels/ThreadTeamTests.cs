using Marrow.Kernels.Threading;
using Xunit;

namespace Marrow.Tests.Kernels;

[Trait("Kernels", "yes")]
public class ThreadTeamTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 3)]
    [InlineData(1000, 4)]
    public unsafe void EveryItem_IsWorkedOnOnce_OnThePoolToo(int items, int parts)
    {
        var counts = new int[items];
        fixed (int* first = counts)
        {
            var kernel = new Counting { Counts = first };
            ThreadTeam.Run(ref kernel, items, elements: 1 << 20);
            ThreadTeam.RunOnPool(ref kernel, items, parts);
        }

        Assert.All(counts, count => Assert.Equal(2, count));
    }

    [Fact]
    public void AKernelsException_ArrivesAsItself()
    {
        var kernel = new Throwing();
        Assert.Throws<InvalidDataException>(() => ThreadTeam.Run(ref kernel, 10, elements: 1 << 20));
        Assert.Throws<InvalidDataException>(() => ThreadTeam.RunOnPool(ref kernel, 10, parts: 3));
    }

    private readonly struct Throwing : IRangeKernel
    {
        public void Run(int first, int end, int part) => throw new InvalidDataException();
    }

    private unsafe struct Counting : IRangeKernel
    {
        public int* Counts;

        public readonly void Run(int first, int end, int part)
        {
            for (var item = first; item < end; item++)
            {
                Interlocked.Increment(ref Counts[item]);
            }
        }
    }
}
