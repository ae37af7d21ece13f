using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.Threading;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

/// <summary>
/// Every kernel against its reference in torch operations. Run them alone, with the instruction sets of older
/// processors too:
/// <code>
/// dotnet test -c Release --project tests/Runtime.Tests -- --filter-trait Kernels=yes
/// DOTNET_EnableAVX512F=0 dotnet test …
/// DOTNET_EnableAVX2=0 dotnet test …
/// </code>
/// </summary>
[Trait("Kernels", "yes")]
public class KernelTests
{
    public static TheoryData<string, bool> Runs =>
        [.. from kernel in KernelTable.Cases from isView in (bool[])[false, true] select (kernel.Name, isView)];

    [Theory, MemberData(nameof(Runs))]
    public void Kernel_IsItsReference(string name, bool isView)
    {
        var kernel = KernelTable.Cases.Single(other => other.Name == name);
        foreach (var type in kernel.Types)
        {
            foreach (var (rows, columns) in kernel.Sizes)
            {
                using var scope = NewDisposeScope();
                manual_seed(rows + columns);
                var output = 0;
                foreach (var (actual, expected, tolerance) in kernel.Run(new(type, isView), rows, columns))
                {
                    Check(actual, expected, tolerance, $"{name}, result {output++}, {type}, {rows} × {columns}");
                }
            }
        }
    }

    [Fact]
    public void EveryKernel_HasACase()
    {
        var kernels = typeof(ThreadTeam).Assembly.GetTypes()
            .Where(type => type.IsValueType
                && type.GetInterfaces().Any(face => face == typeof(IRangeKernel) || face == typeof(IInt8Microkernel)))
            .Select(Outermost)
            .ToHashSet();
        Assert.Empty(kernels.Except(KernelTable.Cases.SelectMany(kernel => kernel.Covers)).Select(type => type.Name));
    }

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static void Check(Tensor actual, Tensor expected, double tolerance, string what)
    {
        Assert.True(actual.shape.SequenceEqual(expected.shape), $"{what}: shape [{string.Join(", ", actual.shape)}]");
        if (actual.numel() == 0)
        {
            return;
        }

        var (a, e) = (actual.to(float64), expected.to(float64));
        var error = (a - e).abs().max().item<double>() / Math.Max(1e-30, e.abs().max().item<double>());
        Assert.True(error <= tolerance, $"{what}: {error:g3} > {tolerance:g3}");
    }
}
