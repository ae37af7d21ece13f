using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models.Tests.Vision;

/// <summary>
/// Swin as its authors publish it (arXiv 2103.14030), for 32 × 32 images in stages of 16, 8, 4 and 2 places: windows by
/// partition, a mask from regions painted on an image, merging at the end of a stage.
/// </summary>
internal static class SwinReference
{
    private const int Patch = 2, Dim = 16, Depth = 2, Heads = 1, Window = 2, Classes = 10;

    /// <summary>Random tensors by the authors' names, as another library calls them.</summary>
    public static Dictionary<string, Tensor> Tensors(Func<string, string> names, bool hasMasks)
    {
        var tensors = new Dictionary<string, Tensor>();
        Add("patch_embed.proj", Dim, 3, Patch, Patch);
        Add("patch_embed.norm", Dim);
        for (var stage = 0; stage < 4; stage++)
        {
            var dim = Dim << stage;
            for (var block = 0; block < Depth; block++)
            {
                var start = $"layers.{stage}.blocks.{block}.";
                Add(start + "norm1", dim);
                Add(start + "norm2", dim);
                if (hasMasks)
                {
                    Add(start + "attn.qkv", 3 * dim, dim);
                }
                else
                {
                    Add(start + "attn.query", dim, dim);
                    Add(start + "attn.key", dim, dim);
                    Add(start + "attn.value", dim, dim);
                }

                Add(start + "attn.proj", dim, dim);
                Add(start + "mlp.fc1", 4 * dim, dim);
                Add(start + "mlp.fc2", dim, 4 * dim);
                tensors[names(start + "attn.relative_position_bias_table")] =
                    randn(((2 * Window) - 1) * ((2 * Window) - 1), Heads << stage);
                tensors[names(start + "attn.relative_position_index")] = PositionIndex();
                if (hasMasks && block % 2 == 1 && (16 >> stage) > Window)
                {
                    tensors[start + "attn_mask"] = Mask(16 >> stage);
                }
            }

            if (stage < 3)
            {
                Add($"layers.{stage}.downsample.norm", 4 * dim);
                tensors[names($"layers.{stage}.downsample.reduction") + ".weight"] = randn(2 * dim, 4 * dim) * 0.2;
            }
        }

        Add("norm", 8 * Dim);
        Add("head", Classes, 8 * Dim);
        return tensors;

        void Add(string name, params long[] shape)
        {
            tensors[names(name) + ".weight"] = randn(shape) * 0.2;
            tensors[names(name) + ".bias"] = randn(shape[0]) * 0.2;
        }
    }

    /// <summary>Images [B, 3, 32, 32] to logits.</summary>
    public static Tensor Logits(Dictionary<string, Tensor> tensors, Func<string, string> names, Tensor x)
    {
        x = conv2d(x, Of("patch_embed.proj.weight"), Of("patch_embed.proj.bias"), strides: [Patch, Patch])
            .permute(0, 2, 3, 1);
        x = Norm("patch_embed.norm", x);
        for (var stage = 0; stage < 4; stage++)
        {
            for (var block = 0; block < Depth; block++)
            {
                var start = $"layers.{stage}.blocks.{block}.";
                var edge = x.size(1);
                var shift = block % 2 == 1 && edge > Window ? Window / 2 : 0;
                var h = Norm(start + "norm1", x);
                h = roll(h, -shift);
                h = Attention(start + "attn.", h, Heads << stage, shift > 0 ? Mask(edge) : null);
                x = x + roll(h, shift);
                x = x + Linear(start + "mlp.fc2", gelu(Linear(start + "mlp.fc1", Norm(start + "norm2", x))));
            }

            if (stage < 3)
            {
                var (even, odd) = (TensorIndex.Slice(0, null, 2), TensorIndex.Slice(1, null, 2));
                var all = TensorIndex.Colon;
                x = cat([x[all, even, even], x[all, odd, even], x[all, even, odd], x[all, odd, odd]], -1);
                x = Norm($"layers.{stage}.downsample.norm", x).matmul(
                    Of($"layers.{stage}.downsample.reduction.weight").t());
            }
        }

        return Linear("head", Norm("norm", x).mean([1, 2]));

        Tensor Attention(string start, Tensor map, long heads, Tensor? mask)
        {
            var (batch, edge, dim) = (map.size(0), map.size(1), map.size(3));

            var count = edge / Window;
            var windows = Partition(map);
            var parts = tensors.ContainsKey(names(start + "qkv") + ".weight")
                ? Linear(start + "qkv", windows).chunk(3, -1)
                : [Linear(start + "query", windows), Linear(start + "key", windows), Linear(start + "value", windows)];
            var (q, k, v) = (Split(parts[0]), Split(parts[1]), Split(parts[2]));
            var table = Of(start + "relative_position_bias_table");
            var bias = table[PositionIndex().view(-1)].view(Window * Window, Window * Window, heads).permute(2, 0, 1);
            var logits = (q / Math.Sqrt(dim / heads)).matmul(k.transpose(-1, -2)) + bias;
            if (mask is not null)
            {
                logits = (logits.view(batch, count * count, heads, Window * Window, Window * Window)
                    + mask.unsqueeze(1)).view(logits.shape);
            }

            var y = softmax(logits, -1).matmul(v).transpose(1, 2).reshape(windows.shape);
            y = Linear(start + "proj", y).view(batch, count, count, Window, Window, dim).permute(0, 1, 3, 2, 4, 5)
                .reshape(batch, edge, edge, dim);
            return y;

            Tensor Split(Tensor part) => part.view(part.size(0), -1, heads, dim / heads).transpose(1, 2);
        }

        Tensor Of(string name) => name.LastIndexOf('.') is var dot && name[(dot + 1)..] is "weight" or "bias"
            ? tensors[names(name[..dot]) + name[dot..]]
            : tensors[names(name)];

        Tensor Linear(string name, Tensor input) => linear(input, Of(name + ".weight"), Of(name + ".bias"));

        Tensor Norm(string name, Tensor input) =>
            layer_norm(input, [input.size(-1)], Of(name + ".weight"), Of(name + ".bias"), 1e-5);

        Tensor roll(Tensor map, int by) => by == 0 ? map : map.roll([by, by], [1, 2]);
    }

    /// <summary>[B, H, W, C] to [B · windows, window², C].</summary>
    private static Tensor Partition(Tensor map)
    {
        var count = map.size(1) / Window;
        return map.view(map.size(0), count, Window, count, Window, map.size(3)).permute(0, 1, 3, 2, 4, 5)
            .reshape(-1, Window * Window, map.size(3));
    }

    /// <summary>−100 between places that are neighbors only by the shift, [windows, window², window²].</summary>
    private static Tensor Mask(long edge)
    {
        var regions = zeros(1, edge, edge, 1);
        var shift = Window / 2;
        (long From, long To)[] slices = [(0, edge - Window), (edge - Window, edge - shift), (edge - shift, edge)];
        var number = 0;
        foreach (var (top, bottom) in slices)
        {
            foreach (var (left, right) in slices)
            {
                regions.narrow(1, top, bottom - top).narrow(2, left, right - left).fill_(number++);
            }
        }

        var windows = Partition(regions).squeeze(-1);
        return (windows.unsqueeze(1) - windows.unsqueeze(2)).not_equal(0).to(ScalarType.Float32) * -100;
    }

    /// <summary>Which row of the table belongs to each pair of places, [window², window²].</summary>
    private static Tensor PositionIndex()
    {
        var index = new long[Window * Window, Window * Window];
        for (var a = 0; a < Window * Window; a++)
        {
            for (var b = 0; b < Window * Window; b++)
            {
                var (down, across) = ((a / Window) - (b / Window), (a % Window) - (b % Window));
                index[a, b] = ((down + Window - 1) * ((2 * Window) - 1)) + across + Window - 1;
            }
        }

        return tensor(index);
    }
}
