using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>Sizes that are computed when a model is built are those that its plan has.</summary>
public class SizesAtRunTimeTests
{
    [Fact]
    public void ProductBeyond32Bits_IsBuiltAsPlanned()
    {
        using var model = new LargeProduct();
        Assert.Equal(LargeProduct.Plan.TotalParameters, model.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal([10_000, 25_000], model.parameters().Select(parameter => parameter.numel()));
    }

    [Fact]
    public void Overflow_IsAFault() => Assert.Throws<OverflowException>(() => new Cube(int.MaxValue));

    [Fact]
    public void BiasOfATiedHead_IsRefused()
    {
        using var untied = new MaybeTied(tied: false, bias: true);
        Assert.Equal([32], untied.Head.Bias!.shape);
        using var tied = new MaybeTied(tied: true, bias: false);
        Assert.Contains(
            "so it has no bias",
            Assert.Throws<ArgumentException>(() => new MaybeTied(tied: true, bias: true)).Message);
    }

    [Fact]
    public void ArgumentThatIsNoInt_IsAFault() =>
        Assert.Throws<OverflowException>(() => new AroundProducts(100_000));
}

[Model]
public partial class Products(int a, int b)
{
    [Parameter("a * b / 1000000")] public partial Tensor Scale { get; }

    [Parameter("(a + 0.5 * a) / 3 > 4 ? a / 4 : 1")] public partial Tensor Other { get; }

    [Forward] private Tensor Network(Tensor x) => x;
}

[Model]
public partial class Cube(int a)
{
    [Parameter("a * a * a")] public partial Tensor Scale { get; }

    [Forward] private Tensor Network(Tensor x) => x;
}

[Model]
public partial class LargeProduct() : Products(100000, 100000);

[Model]
public partial class AroundProducts(int a)
{
    [Block("a * 100000", 1)] public partial Products Inner { get; }

    [Forward] private Tensor Network(Tensor x) => x;
}

[Model]
public partial class MaybeTied(bool tied, bool bias)
{
    [Embedding(32, 16)] public partial Embedding Tokens { get; }

    [Linear(16, 32, Tie = nameof(Tokens), TieWhen = nameof(tied), Bias = nameof(bias))]
    public partial Linear Head { get; }

    [Forward] private Tensor Network(Tensor x) => x;
}
