using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Models;

[Model]
public partial class Residual(int width)
{
    [Linear(nameof(width), "4 * width")] public partial Linear Up { get; }

    [Linear("4 * width", nameof(width))] public partial Linear Down { get; }

    [Dropout(0.3)] public partial Dropout Drop { get; }

    [Forward]
    private Tensor Network(Tensor x, Tensor scale) => x + Drop.call(Down.call(gelu(Up.call(x)))) * scale;
}

[Model]
public partial class Tower(int width, int depth)
{
    [Block(nameof(width), Count = nameof(depth))] public partial ModuleList<Residual> Blocks { get; }

    [Buffer(1)] protected partial Tensor Scale { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        foreach (var block in Blocks) x = block.call(x, ones(1));
        return x;
    }
}

[Recompute]
public sealed partial class RecomputedTower(int width, int depth) : Tower(width, depth);

[Bone(BlockSize = 8)]
public sealed partial class AdaptedTower() : Tower(16, 3);

[Recompute, Bone(BlockSize = 8)]
public sealed partial class RecomputedAdaptedTower() : Tower(16, 3);

public sealed class RecomputeTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void RecomputedBlocks_GiveTheSameOutputAndGradients_WithDropout()
    {
        Same(() => new Tower(16, 3), () => new RecomputedTower(16, 3));
        Same(() => new AdaptedTower(), () => new RecomputedAdaptedTower());
    }

    [Fact]
    public void RecomputedBlocks_LeaveNoTensor()
    {
        using var model = new RecomputedTower(16, 3);
        using var x = randn(4, 16);
        Step();
        var before = Tensor.TotalCount;
        for (var i = 0; i < 3; i++) Step();
        Assert.Equal(before, Tensor.TotalCount);

        void Step()
        {
            using var inner = NewDisposeScope();
            model.call(x).sum().backward();
            Marrow.Autograd.ReturnedGradients.Free();
        }
    }

    private static void Same(Func<Tower> create, Func<Tower> recomputed)
    {
        var (one, other) = (create(), recomputed());
        using (no_grad())
        {
            foreach (var (a, b) in one.parameters().Zip(other.parameters())) b.copy_(a.normal_(0, 0.2));
        }

        var (x, dy) = (randn(5, 16), randn(5, 16));
        foreach (var needsInput in new[] { true, false })
        {
            var results = new[] { one, other }.Select(model =>
            {
                manual_seed(9);
                model.zero_grad();
                var own = x.detach().clone().requires_grad_(needsInput);
                var y = model.call(own);
                var next = rand(1); // random numbers go on as if nothing were run again
                y.backward([dy]);
                return (Tensor[])[y.detach(), next, rand(1), .. needsInput ? (Tensor[])[own.grad!] : [],
                    .. model.parameters().Where(p => p.requires_grad).Select(p => p.grad!.clone())];
            }).ToList();
            Assert.All(results[0].Zip(results[1]), pair => Assert.True(pair.First.allclose(pair.Second, 1e-6, 1e-7)));
        }
    }
}
