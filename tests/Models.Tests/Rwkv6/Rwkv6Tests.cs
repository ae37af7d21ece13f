using Marrow.Models;
using Marrow.Tests.Checkpoints;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Rwkv6;

[Model]
public partial class TinyRwkv6() : Models.Rwkv6(40, 32, 48, 2, headSize: 16, mixRank: 4, decayRank: 8);

[Bone(BlockSize = 8, Form = BoneForm.Column)]
public sealed partial class TinyRwkv6Bone() : TinyRwkv6;

public sealed class Rwkv6Tests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Pth_ShowsItsSizes_AndLoadsInBfloat16()
    {
        var (model, path) = Saved(bfloat16);
        Assert.Equal(new Rwkv6Sizes(40, 32, 48, 2, 16, 4, 8), Rwkv6Sizes.Read(path));
        TinyRwkv6 again;
        using (Construction.On(META)) again = new();
        again.LoadPretrained(path);
        Assert.All(
            model.named_parameters().Zip(again.named_parameters()),
            pair => Assert.True(pair.First.parameter.to(bfloat16).to(float32).Equals(pair.Second.parameter),
                pair.First.name));
    }

    [Fact]
    public void Safetensors_AndAdapterFiles_LoadToo()
    {
        var (model, path) = Saved(float32);
        var ids = randint(0, 40, [1, 9]);
        model.SavePretrained(folder.File("folder"));
        Assert.Equal(Rwkv6Sizes.Read(path), Rwkv6Sizes.Read(folder.File("folder")));

        // RWKV-PEFT's adapters name the layers as RWKV does, and come with the norms that were trained beside them.
        var adapted = new TinyRwkv6Bone();
        adapted.LoadPretrained(folder.File("folder"));
        var norm = randn(32);
        var blocks = adapted.named_parameters().Where(pair =>
            pair.name.EndsWith("bone_block", StringComparison.Ordinal))
            .Select(pair => (pair.name.Replace("bone_block", "disha", StringComparison.Ordinal),
                randn(pair.parameter.shape) * 0.1)).ToList();
        File.WriteAllBytes(folder.File("adapter.pth"), TorchBytes.Make([.. blocks, ("blocks.1.ln1.weight", norm)]));
        adapted.LoadRwkvPeftAdapter(folder.File("adapter.pth"));
        Assert.True(adapted.Blocks[1].Ln1.Weight.Equals(norm));
        var logits = adapted.call(ids);
        adapted.Merge();
        Assert.True(adapted.call(ids).allclose(logits, 1e-4, 1e-5));
        Assert.False(model.call(ids).allclose(logits, 1e-2, 1e-2));
    }

    [Fact]
    public void OtherWeights_AreRefusedByName()
    {
        var (_, path) = Saved(float32, name => name != "blocks.0.att.time_faaaa");
        Assert.Contains("no 'blocks.0.att.time_faaaa'",
            Assert.Throws<CheckpointException>(() => Rwkv6Sizes.Read(path)).Message);
        Assert.Contains("lacks 'blocks.0.att.time_faaaa'",
            Assert.Throws<CheckpointException>(() => new TinyRwkv6().LoadPretrained(path)).Message);
    }

    [Fact]
    public void Training_OnChunks_GivesTheGradientsOfTheWhole()
    {
        var model = new TinyRwkv6();
        model.InitializeForPretraining();
        var (ids, labels) = (randint(0, 40, [2, 12]), randint(0, 40, [2, 12]));
        nn.functional.cross_entropy(
            model.call(ids).flatten(0, 1), labels.flatten(), reduction: nn.Reduction.Sum).backward();
        var whole = model.parameters().Select(parameter => parameter.grad!.clone()).ToList();
        model.zero_grad();
        var (first, state) = model.Continue(ids.narrow(1, 0, 7), null);
        var (second, _) = model.Continue(ids.narrow(1, 7, 5), state);
        nn.functional.cross_entropy(
            cat([first, second], 1).flatten(0, 1), labels.flatten(), reduction: nn.Reduction.Sum).backward();
        Assert.All(whole.Zip(model.named_parameters()), pair =>
            Assert.True((pair.First - pair.Second.parameter.grad!).abs().max().item<float>() <= 1e-4
                * (1 + pair.First.abs().max().item<float>()), pair.Second.name));
    }

    [Fact]
    public void Bfloat16_FollowsFloat32_AndKeepsItsStateIn32Bits()
    {
        var (model, path) = Saved(bfloat16);
        model.LoadPretrained(path);
        TinyRwkv6 narrow;
        using (Construction.On(CPU, bfloat16)) narrow = new();
        narrow.LoadPretrained(path);
        var ids = randint(0, 40, [2, 12]);
        var (logits, state) = narrow.Continue(ids, null);
        Assert.Equal((bfloat16, float32), (logits.dtype, state.Layers[0].Wkv.dtype));
        Assert.True((logits.to(float32) - model.call(ids)).abs().max().item<float>() < 0.05);
        Assert.Equal(6, Models.Generation.Continue(
            narrow, [[1, 2]], new(4), stop: TestContext.Current.CancellationToken)[0].Length);
    }

    [Fact]
    public void Fused_AgreesWithEager() => Assert.True(
        new TinyRwkv6Bone().VerifyAgainstEager(randint(0, 40, [2, 12])) is { Output: < 1e-4, LargestGradient: < 1e-2 });

    private (TinyRwkv6 Model, string Path) Saved(ScalarType type, Func<string, bool>? keep = null)
    {
        manual_seed(3);
        var model = new TinyRwkv6();
        model.InitializeForPretraining();
        var path = folder.File("model.pth");
        var kept = model.named_parameters().Where(pair => keep?.Invoke(pair.name) != false);
        File.WriteAllBytes(
            path, TorchBytes.Make(kept.Select(pair => (pair.name, pair.parameter.detach().to(type)))));
        return (model, path);
    }
}
