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

[Recompute, Lora(Rank = 2, Targets = "blocks.2.*")]
public sealed partial class RecomputedLastBlock() : Tower(16, 3);

[Recompute, Lora(Rank = 2, Targets = "blocks.0.*")]
public sealed partial class RecomputedFirstBlock() : Tower(16, 3);

public sealed class RecomputeTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void VerifyAgainstEager_ComparesGradientsOfRecomputedBlocks_AndLeavesThoseThatWere()
    {
        using var model = new RecomputedAdaptedTower();
        var trained = model.named_parameters().Where(pair => pair.parameter.requires_grad).ToList();
        trained[0].parameter.grad = ones_like(trained[0].parameter);
        var difference = model.VerifyAgainstEager(randn(2, 16));
        Assert.Equal(
            trained.Select(pair => pair.name).Order(),
            difference.Gradients.Keys.Where(name => name != "input 0").Order());
        Assert.InRange(difference.LargestGradient, 0, 1e-4);
        Assert.Equal(trained[0].parameter.numel(), trained[0].parameter.grad!.sum().item<float>());
        Assert.All(trained.Skip(1), pair => Assert.Null(pair.parameter.grad));
    }

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

    [Fact]
    public void BlocksWithoutAnythingToTrain_AreLeftAlone()
    {
        using var last = new RecomputedLastBlock();
        last.call(randn(4, 16)).sum().backward();
        Assert.All(last.AdapterParameters(), parameter => Assert.NotNull(parameter.grad));
        using var first = new RecomputedFirstBlock();
        first.call(randn(4, 16)).sum().backward();
        Assert.All(first.AdapterParameters(), parameter => Assert.NotNull(parameter.grad));
        foreach (var parameter in last.parameters()) parameter.requires_grad = false;
        Assert.False(last.call(randn(4, 16)).requires_grad);
    }

    [Fact]
    public void Backward_TwiceOverARetainedGraph_AddsUp()
    {
        using var model = new RecomputedAdaptedTower();
        var x = randn(4, 16, requires_grad: true);
        var loss = model.call(x).square().sum();
        loss.backward(retain_graph: true);
        var once = x.grad!.clone();
        var ofBlock = model.AdapterParameters()[0].grad!.clone();
        loss.backward();
        Assert.True(x.grad!.allclose(once * 2));
        Assert.True(model.AdapterParameters()[0].grad!.allclose(ofBlock * 2));
    }

    [Fact]
    public void SecondDerivatives_AreRefusedByAnException()
    {
        foreach (var create in new Func<Tower>[] { () => new RecomputedTower(16, 3), () => new RecomputedLastBlock() })
        {
            using var model = create();
            var x = randn(4, 16, requires_grad: true);
            var loss = model.call(x).square().sum();
            Assert.ThrowsAny<Exception>(() => loss.backward(create_graph: true));
            var again = model.call(x).square().sum();
            Assert.ThrowsAny<Exception>(() => autograd.grad([again], [x], create_graph: true));
            model.call(x).sum().backward(); // and the model goes on working
        }
    }

    [Fact]
    public void InputsThatAreLeftOut_ChangeNothing()
    {
        using var model = new Optionally();
        using var plain = new OptionallyPlain(16);
        using (no_grad())
        {
            foreach (var (a, b) in plain.parameters().Zip(model.parameters())) b.copy_(a);
        }

        var x = randn(4, 16);
        foreach (var mask in new[] { null, randn(4, 16) })
        {
            Assert.True(model.call(x, mask).Equals(plain.call(x, mask)));
            model.zero_grad();
            plain.zero_grad();
            model.call(x, mask).square().sum().backward();
            plain.call(x, mask).square().sum().backward();
            Assert.All(plain.parameters().Zip(model.parameters()), pair =>
                Assert.True(pair.First.grad!.allclose(pair.Second.grad!)));
        }

        // Only what the block was given is kept, and the block runs again.
        Assert.Equal(2 * (1 + 2), model.Inner.Runs);
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

[Model]
public partial class Masked(int width)
{
    [Linear(nameof(width), nameof(width))] public partial Linear Up { get; }

    public int Runs { get; private set; }

    [Forward]
    private Tensor Network(Tensor x, Tensor? mask = null)
    {
        Runs++;
        return tanh(Up.call(x)) * (mask ?? ones(1));
    }
}

[Model]
public partial class OptionallyPlain(int width)
{
    [Block(nameof(width))] public partial Masked Inner { get; }

    [Forward]
    private Tensor Network(Tensor x, Tensor? mask = null) => Inner.call(x, mask);
}

[Recompute]
public sealed partial class Optionally() : OptionallyPlain(16);
