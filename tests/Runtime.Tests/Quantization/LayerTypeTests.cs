using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

/// <summary>Quantized layers of 16 bits, where no kernel takes part.</summary>
public class LayerTypeTests
{
    [Theory]
    [InlineData("StatsQ", 2e-2)]
    [InlineData("weights alone", 2e-2)]
    [InlineData("frozen", 2e-2)]
    public void ALayerOf16Bits_GivesWhatThatOf32Does(string name, double tolerance)
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var (model, x) = ((nn.Module<Tensor, Tensor>, Tensor))(name switch
        {
            // Activations on their grid, so that 16 bits find the same levels.
            "StatsQ" => (new StatsQLinear(12, 8, true, 1, 4, 4), randint(-8, 8, [6, 12]).to(float32)),
            "weights alone" => (new WeightOnlyLinear(12, 8, true, 1, 3), randn(6, 12)),
            _ => (new MergedLora(), randn(6, 12)),
        });
        x = x.to(bfloat16);
        model.to(bfloat16).to(float32); // the weights are those of 16 bits
        var steps = model.named_parameters().Where(pair => pair.name.EndsWith("input_quant_fn.s"));
        if (steps.FirstOrDefault().parameter is { } step)
        {
            using var noGrad = no_grad();
            step.fill_(1);
        }

        var expected = model.call(x.to(float32)).detach();
        model.to(bfloat16);
        var y = model.call(x);
        y.sum().backward();
        Assert.Equal(bfloat16, y.dtype);
        var difference = (y.to(float32) - expected).abs().max().item<float>();
        Assert.True(difference <= tolerance * expected.abs().max().item<float>(), $"{difference}");
    }
}
