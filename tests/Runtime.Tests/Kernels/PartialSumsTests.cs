using Marrow.Kernels.Reductions;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

/// <summary>Sums of parts begin at zero and are added up, whatever their number and width.</summary>
[Trait("Kernels", "yes")]
public unsafe class PartialSumsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 8)]
    [InlineData(16, 21)]
    public void Total_IsTheSumOfTheParts(int parts, int columns)
    {
        using var scope = NewDisposeScope();
        using var sums = new PartialSums(parts, columns);
        for (var part = 0; part < parts; part++)
        {
            var own = sums.Begin(part);
            for (var column = 0; column < columns; column++)
            {
                own[column] += part + (10 * column);
            }
        }

        var expected = Enumerable.Range(0, columns)
            .Select(column => 0.5f * ((parts * (parts - 1) / 2) + (10 * column * parts)))
            .ToArray();
        Assert.Equal(expected, sums.Total(0.5).data<float>().ToArray());
    }

    [Fact]
    public void Default_HasNoSums() => Assert.True(default(PartialSums).Begin(3) == null);
}
