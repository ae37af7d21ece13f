using Marrow.Native;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Native;

public class TorchOperatorsTests
{
    [Fact]
    public void AnOperatorThatTorchSharpDoesNotShow_IsCalled()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (randint(-128, 128, [20, 16]).to(int8), randint(-128, 128, [24, 16]).to(int8));
        var product = TorchOperators.Call("aten::_int_mm", "", a, b.t());
        Assert.Equal(int32, product.dtype);
        Assert.True(product.equal(a.to(int32).matmul(b.to(int32).t())).all().item<bool>());
    }

    [Fact]
    public void ATypeIsAnArgument() => Assert.Equal(
        int32, TorchOperators.Call("aten::view", "dtype", ones(3, device: CPU), ScalarType.Int32).dtype);

    [Fact]
    public void WhatIsCalled_LetsGoOfItsArguments()
    {
        using var x = ones(3, device: CPU);
        using (TorchOperators.Call("aten::view", "dtype", x, ScalarType.Int32))
        {
        }

        x.add_(1); // a handle that was freed twice would show here
        Assert.Equal(2, x[0].item<float>());
    }

    [Fact]
    public void AResult_BelongsToTheScope()
    {
        Tensor result;
        using (NewDisposeScope())
        {
            result = TorchOperators.Call("aten::view", "dtype", ones(3, device: CPU), ScalarType.Int32);
        }

        Assert.True(result.IsInvalid);
    }

    [Fact]
    public void ARefusal_SaysWhatWasCalled() => Assert.Equal(
        "libtorch refuses aten::_int_mm(Float32 [2, 3], Float32 [2, 3]); what it says is on standard error.",
        Assert.Throws<InvalidOperationException>(() =>
            TorchOperators.Call("aten::_int_mm", "", ones(2, 3, device: CPU), ones(2, 3, device: CPU))).Message);
}
