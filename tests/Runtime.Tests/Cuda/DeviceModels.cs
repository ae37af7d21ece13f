using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

// A model for each way to adapt and to quantize, small, but with sizes that kernels take by their vectors. None drops
// out: devices draw different numbers.

[Model]
public partial class DeviceLlama() : Llama(
    vocabulary: 96, hidden: 64, intermediate: 96, layers: 1, heads: 2, keyValueHeads: 1, context: 32);

[Lora(Rank = 8)]
public sealed partial class DeviceLora() : DeviceLlama();

[Dora(Rank = 4)]
public sealed partial class DeviceDora() : DeviceLlama();

[Bone(BlockSize = 16)]
public sealed partial class DeviceBoneRow() : DeviceLlama();

[Bone(BlockSize = 16, Form = BoneForm.Column)]
public sealed partial class DeviceBoneColumn() : DeviceLlama();

[Bone(BlockSize = 32, Form = BoneForm.Free)]
public sealed partial class DeviceBoneFree() : DeviceLlama();

[Bone(BlockSize = 16), Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)]
public sealed partial class DevicePackedBone() : DeviceLlama();

[Lora(Rank = 8), Quantize(Bits = 2, Scope = QuantizeScope.FrozenBase)]
public sealed partial class DevicePackedLora() : DeviceLlama();

[Bone(BlockSize = 16, Form = BoneForm.Mini, MiniRank = 8)]
public sealed partial class DeviceRwkv() : Rwkv6(96, 64, 96, 1, headSize: 32, mixRank: 4, decayRank: 8);

[Model]
public partial class DeviceViT() : DeiT(image: 8, patch: 4, dim: 32, depth: 1, heads: 2, classes: 10);

[Quantize(Bits = 2, Activations = 2, Oscillation = Oscillation.Cga, BoundaryRange = 0.05), Qkr]
public sealed partial class DeviceQkrViT() : DeviceViT();

[Quantize(Bits = 4, Activations = 8, Weights = WeightQuantizer.Lsq, Oscillation = Oscillation.Freeze)]
public sealed partial class DeviceLsqViT() : DeviceViT();

[Quantize(Bits = 2, Activations = 2), Qkr]
public sealed partial class DeviceQkrSwin() : Swin(
    image: 16, patch: 2, dim: 16, depth0: 1, depth1: 1, depth2: 1, depth3: 1, heads: 1, window: 4, classes: 10);

/// <summary>A model, its inputs and its loss.</summary>
/// <param name="Create">Makes the model.</param>
/// <param name="Batch">The inputs and labels of a number, on the CPU.</param>
/// <param name="Loss">The loss of logits and labels.</param>
internal sealed record DeviceCase(
    Func<nn.Module<Tensor, Tensor>> Create, Func<long, (Tensor Inputs, Tensor Labels)> Batch,
    Func<Tensor, Tensor, Tensor> Loss)
{
    /// <summary>
    /// Whether activations have levels, which a difference in the last bit can change: then runs part.
    /// </summary>
    public bool HasLevels { get; private init; }

    private const int Classes = 10, Vocabulary = 96, Tokens = 12;

    public static IReadOnlyDictionary<string, DeviceCase> All { get; } = new Dictionary<string, DeviceCase>
    {
        ["llama"] = Text(() => new DeviceLlama()),
        ["llama lora"] = Text(() => new DeviceLora()),
        ["llama dora"] = Text(() => new DeviceDora()),
        ["llama bone row"] = Text(() => new DeviceBoneRow()),
        ["llama bone column"] = Text(() => new DeviceBoneColumn()),
        ["llama bone free"] = Text(() => new DeviceBoneFree()),
        ["llama bone packed"] = Text(() => new DevicePackedBone()),
        ["llama lora packed"] = Text(() => new DevicePackedLora()),
        ["rwkv6 bone mini"] = Text(() => new DeviceRwkv()),
        ["deit"] = Images(() => new DeviceViT(), 8),
        ["deit statsq qkr cga"] = Images(() => new DeviceQkrViT(), 8) with { HasLevels = true },
        ["deit lsq"] = Images(() => new DeviceLsqViT(), 8) with { HasLevels = true },
        ["swin statsq qkr"] = Images(() => new DeviceQkrSwin(), 16) with { HasLevels = true },
    };

    private static DeviceCase Text(Func<nn.Module<Tensor, Tensor>> create) => new(
        create,
        number =>
        {
            var ids = Seeded(number, () => randint(Vocabulary, [2, Tokens + 1], dtype: int64, device: CPU));
            return (ids.narrow(1, 0, Tokens), ids.narrow(1, 1, Tokens));
        },
        (logits, labels) => nn.functional.cross_entropy(logits.flatten(0, 1).to(float32), labels.flatten()));

    private static DeviceCase Images(Func<nn.Module<Tensor, Tensor>> create, int size) => new(
        create,
        number => Seeded(number, () => (
            randn(3, 3, size, size, device: CPU), randint(Classes, [3], dtype: int64, device: CPU))),
        (logits, labels) => nn.functional.cross_entropy(logits.to(float32), labels));

    private static T Seeded<T>(long number, Func<T> make)
    {
        manual_seed(number + 100);
        return make();
    }
}
