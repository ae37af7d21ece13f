using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

public class NamedAdapterTests
{
    public static TheoryData<string> Linear => ["row", "column", "free", "mini", "lora"];

    [Theory, MemberData(nameof(Linear))]
    public void Combined_IsTheWeightedSumOfTheChanges(string form)
    {
        using var scope = NewDisposeScope();
        var (model, layer) = Two(form);
        var (x, weight) = (randn(4, layer.InFeatures), layer.Weight.clone());
        model.UseAdapter("default");
        var first = layer.AdaptedWeight() - weight;
        model.UseAdapter("other");
        var second = layer.AdaptedWeight() - weight;
        if (form == "lora")
        {
            // Adapters along one direction have a sum of the same rank.
            using var noGrad = no_grad();
            layer.Adaptation.Slots["other"]["lora_A"].copy_(layer.Adaptation.Slots["default"]["lora_A"]);
            second = layer.AdaptedWeight() - weight;
        }

        model.CombineAdapters("both", ("default", 0.25), ("other", -2));
        model.UseAdapter("both");
        Assert.Equal(["both", "default", "other"], model.AdapterNames().Order(StringComparer.Ordinal));
        Assert.True((layer.AdaptedWeight() - weight).allclose((0.25 * first) - (2 * second), 1e-4, 1e-5));
        Assert.True(model.call(x).allclose(nn.functional.linear(x, layer.AdaptedWeight(), layer.Bias), 1e-4, 1e-5));
    }

    [Fact]
    public void Switching_BringsBackEachAdaptersOutput_AndMovesThemAll()
    {
        using var scope = NewDisposeScope();
        var (model, layer) = Two("row");
        var x = randn(4, layer.InFeatures);
        var other = model.call(x);
        model.UseAdapter("default");
        var first = model.call(x);
        Assert.False(first.allclose(other));
        TorchSharp.ModuleExtensionMethods.to(model, ScalarType.Float64);
        model.UseAdapter("other");
        Assert.True(model.call(x.to(float64)).allclose(other.to(float64), 1e-5, 1e-5));
        model.RemoveAdapter("default");
        Assert.Equal(["other"], model.AdapterNames());
    }

    [Fact]
    public void WrongNames_AreNamed()
    {
        using var scope = NewDisposeScope();
        var (model, _) = Two("row");
        Assert.Contains("'third'; adapters are 'other', 'default'",
            Assert.Throws<ArgumentException>(() => model.UseAdapter("third")).Message);
        Assert.Contains("'other' already", Assert.Throws<ArgumentException>(() => model.AddAdapter("other")).Message);
        Assert.Contains("is in use", Assert.Throws<ArgumentException>(() => model.RemoveAdapter("other")).Message);
        model.Merge();
        Assert.Contains("Unmerge", Assert.Throws<InvalidOperationException>(() => model.UseAdapter("default")).Message);
        Assert.Contains("SaveAdapterAsLora",
            Assert.Throws<InvalidOperationException>(() => new Olora12To8().AddAdapter("second")).Message);
        Assert.Contains("no weighted sum", Assert.Throws<InvalidOperationException>(() =>
            new Dora12To8().CombineAdapters("sum", ("default", 1))).Message);
    }

    /// <summary>A model with random adapters "default" and "other", the latter in use.</summary>
    private static (OneLinear Model, AdaptedLinear Layer) Two(string form)
    {
        manual_seed(4);
        var model = Forms.All[form]();
        var layer = (AdaptedLinear)model.Layer;
        model.AddAdapter("other");
        using var noGrad = no_grad();
        var slots = layer.Adaptation.Slots;
        foreach (var value in slots["default"].Values.Concat(slots["other"].Values)) value.normal_(0, 0.3);
        model.UseAdapter("other");
        return (model, layer);
    }
}
