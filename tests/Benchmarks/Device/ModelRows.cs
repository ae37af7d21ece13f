using Marrow.Autograd;
using Marrow.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Benchmarks.Device;

// Two blocks of a LLaMA-2-7B, adapted in each way. Classes of few entries beside them are for the emulator.

[Model]
internal partial class Blocks(bool full) : Llama(
    vocabulary: full ? 2048 : 96, hidden: full ? 4096 : 64, intermediate: full ? 11008 : 128, layers: full ? 2 : 1,
    heads: full ? 32 : 2, keyValueHeads: full ? 32 : 2, context: 512);

[Lora(Rank = 16)]
internal sealed partial class LoraBlocks(bool full) : Blocks(full);

[Bone(BlockSize = 64)]
internal sealed partial class BoneRowBlocks(bool full) : Blocks(full);

[Bone(BlockSize = 64, Form = BoneForm.Column)]
internal sealed partial class BoneColumnBlocks(bool full) : Blocks(full);

[Bone(BlockSize = 64, Form = BoneForm.Free)]
internal sealed partial class BoneFreeBlocks(bool full) : Blocks(full);

[Lora(Rank = 16), Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)]
internal sealed partial class PackedLoraBlocks(bool full) : Blocks(full);

[Model]
internal partial class ImageModel(int dim, int heads, int depth, int image) : DeiT(
    image: image, patch: 16, dim: dim, depth: depth, heads: heads, classes: 1000);

[Quantize(Bits = 2, Activations = 2), Qkr]
internal sealed partial class QuantizedImageModel(int dim, int heads, int depth, int image)
    : ImageModel(dim, heads, depth, image);

/// <summary>Training steps of whole models: forward, backward, AdamW.</summary>
/// <param name="target">Where.</param>
internal sealed class ModelRows(Target target)
{
    private const ScalarType Half = ScalarType.BFloat16;

    public IEnumerable<DeviceRow> Run(Func<string, bool> wanted)
    {
        (string Name, Func<bool, Llama> Make, int Products, string Goal)[] adapted =
        [
            ("llama-lora", full => new LoraBlocks(full), 2, "within 1.30 of its products"),
            ("llama-bone-row", full => new BoneRowBlocks(full), 3, "within 1.25 of three products"),
            ("llama-bone-column", full => new BoneColumnBlocks(full), 2, "none"),
            ("llama-bone-free", full => new BoneFreeBlocks(full), 2, "within 1.30 of its products"),
            ("llama-lora-packed", full => new PackedLoraBlocks(full), 2, "none"),
        ];
        foreach (var (name, make, products, goal) in adapted.Where(row => wanted(row.Name)))
        {
            using var scope = NewDisposeScope();
            yield return LlamaStep(name, make, products, goal);
        }

        foreach (var (name, dim, heads, batch) in
            ((string, int, int, long)[])[("deit-t", 192, 3, 128), ("deit-s", 384, 6, 64)])
        {
            if (wanted(name))
            {
                using var scope = NewDisposeScope();
                yield return DeiTStep(name, dim, heads, batch);
            }
        }
    }

    private DeviceRow LlamaStep(string name, Func<bool, Llama> make, int products, string goal)
    {
        var (batch, tokens) = (target.Size(8, 1), target.Size(512, 8));
        using var model = Make(() => make(!target.IsEmulated), Half);
        using (no_grad())
        {
            foreach (var parameter in model.AdapterParameters())
            {
                parameter.normal_(0, 0.01);
            }
        }

        var vocabulary = model.EmbedTokens.Weight.size(0);
        var ids = randint(vocabulary, [batch, tokens], dtype: int64, device: target.Device);
        var labels = randint(vocabulary, [batch * tokens], dtype: int64, device: target.Device);
        var parameters = TrainedParameter.Of(model);
        using var fused = new FusedAdamW(parameters, weightDecay: 0);
        using var eager = optim.AdamW(parameters.Select(parameter => parameter.Value), 1e-6, weight_decay: 0);
        void Step(Action move)
        {
            cross_entropy(model.call(ids).flatten(0, 1).to(float32), labels).backward();
            move();
            Clear(parameters);
        }

        return Row(
            name,
            $"{model.Layers.Count} blocks of {model.EmbedTokens.Weight.size(1)}, {batch} × {tokens} tokens, bfloat16",
            () => Step(() => fused.Step(1e-6)),
            goal,
            ("eager", () =>
            {
                using var plain = new EagerMode();
                Step(() => eager.step());
            }
        ),
            ($"{products} products of each weight", Products(model, batch * tokens, products)));
    }

    private DeviceRow DeiTStep(string name, int dim, int heads, long batch)
    {
        var (depth, image, images) = target.IsEmulated ? (1, 32, 1L) : (12, 224, batch);
        (dim, heads) = target.IsEmulated ? (32, 2) : (dim, heads);
        using var quantized = Make(() => new QuantizedImageModel(dim, heads, depth, image), ScalarType.Float32);
        using var plain = Make(() => new ImageModel(dim, heads, depth, image), Half);
        var x = target.Random(ScalarType.Float32, images, 3, image, image);
        var labels = randint(1000, [images], dtype: int64, device: target.Device);
        using var ofQuantized = new FusedAdamW(TrainedParameter.Of(quantized));
        using var ofPlain = new FusedAdamW(TrainedParameter.Of(plain));
        void Step(DeiT model, Tensor inputs, FusedAdamW optimizer)
        {
            var (byClass, byTeacher) = model.Logits(inputs);
            (cross_entropy(byClass.to(float32), labels) + cross_entropy(byTeacher.to(float32), labels)).backward();
            optimizer.Step(1e-5);
            Clear(optimizer.Parameters);
        }

        var half = x.to(Half);
        return Row(
            name,
            $"W2A2 with QKR, {images} images of {image} × {image}",
            () => Step(quantized, x, ofQuantized),
            "4 times as fast as eager, no slower than the float model in bfloat16, at most 1,200 launches",
            ("eager", () =>
            {
                using var eager = new EagerMode();
                Step(quantized, x, ofQuantized);
            }
        ),
            ("float model in bfloat16", () => Step(plain, half, ofPlain)));
    }

    private T Make<T>(Func<T> create, ScalarType type)
        where T : nn.Module
    {
        using var construction = Construction.On(target.Device, type);
        return create();
    }

    /// <summary>
    /// What the step cannot do without: x Wᵀ, dy W and, for some adapters, dyᵀ x of every linear layer.
    /// </summary>
    private Action Products(Llama model, long tokens, int products)
    {
        var shapes = model.modules().OfType<Linear>().Select(layer => (layer.OutFeatures, layer.InFeatures)).ToList();
        var made = shapes.Distinct().ToDictionary(shape => shape, shape => (
            W: target.Random(Half, shape.OutFeatures, shape.InFeatures),
            X: target.Random(Half, tokens, shape.InFeatures),
            Dy: target.Random(Half, tokens, shape.OutFeatures)));
        return () =>
        {
            foreach (var shape in shapes)
            {
                using var scope = NewDisposeScope();
                var (w, x, dy) = made[shape];
                linear(x, w);
                dy.mm(w);
                if (products > 2)
                {
                    dy.t().mm(x);
                }
            }
        };
    }

    private DeviceRow Row(
        string name, string sizes, Action step, string goal, params (string Name, Action Way)[] others)
    {
        step();
        target.Driver.Launched.Clear();
        step();
        var launches = target.Driver.Launched.Count;
        return new(name, sizes, target.Time(step), launches)
        {
            Goal = goal,
            Others = others.ToDictionary(other => other.Name, other => target.Time(other.Way)),
        };
    }

    private static void Clear(IReadOnlyList<TrainedParameter> parameters)
    {
        foreach (var parameter in parameters)
        {
            using var gradient = parameter.Value.grad;
            parameter.Value.grad = null;
        }

        ReturnedGradients.Free();
    }
}
