using Marrow.CompilerServices;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

public class MergeTests
{
    public static TheoryData<string> Names => [.. Forms.All.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Merged_GivesTheSameOutput_AndUnmergeTheSameBits(string form)
    {
        using var scope = NewDisposeScope();
        using var layer = Forms.Create(form, ScalarType.Float32);
        layer.eval();
        var x = randn(5, layer.InFeatures);
        var (weight, output) = (layer.Weight.clone(), layer.call(x));

        layer.Adaptation.Merged.Commit(layer.Adaptation.Merged.Compute());
        Assert.True(layer.IsMerged);
        Assert.True(layer.call(x).allclose(output, 1e-5, 1e-5));
        Assert.False(layer.Weight.Equals(weight));

        layer.Adaptation.Merged.Undo();
        Assert.False(layer.IsMerged);
        Assert.True(layer.Weight.Equals(weight));
        Assert.True(layer.call(x).Equals(output));
    }

    [Theory, MemberData(nameof(Names))]
    public void Merging_WhatIsNotFinite_IsRefusedAndNamesTheLayer(string form)
    {
        using var layer = Forms.Create(form, ScalarType.Float32);
        using (no_grad()) layer.Adapter.Last().Value.fill_(float.NaN);
        var error = Assert.Throws<InvalidOperationException>(() => layer.Adaptation.Merged.Compute());
        Assert.Contains("blocks.0.proj", error.Message);
        Assert.False(layer.IsMerged);
    }

    [Theory, MemberData(nameof(Names))]
    public void FreshBone_ChangesNothing(string form)
    {
        using var layer = (AdaptedLinear)Forms.All[form]().Layer;
        layer.eval();
        using var x = randn(5, layer.InFeatures);
        using var expected = nn.functional.linear(x, layer.Adaptation.BaseWeight(), layer.Bias);
        using var actual = layer.call(x);
        Assert.True(actual.allclose(expected, 1e-5, 1e-6));
    }

    [Fact]
    public void SwitchedOff_IsTheOriginalWeight_MergedOrNot()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        using var x = randn(5, layer.InFeatures);
        using var expected = nn.functional.linear(x, layer.Weight, layer.Bias);
        layer.Adaptation.IsEnabled = false;
        Assert.True(layer.call(x).Equals(expected));
        layer.Adaptation.Merged.Commit(layer.Adaptation.Merged.Compute());
        Assert.True(layer.call(x).Equals(expected));
    }

    [Fact]
    public void Moved_WhileMerged_UnmergesToTheConvertedWeight()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        using var weight = layer.Weight.to(float64);
        layer.Adaptation.Merged.Commit(layer.Adaptation.Merged.Compute());
        layer.to(ScalarType.Float64);
        layer.Adaptation.Merged.Undo();
        Assert.True(layer.Weight.Equals(weight));
    }
}
