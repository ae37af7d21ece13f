using System.Text.Json;
using System.Text.RegularExpressions;
using Marrow.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Parity;

/// <summary>Whole vision models in float.</summary>
internal static partial class VisionMethods
{
    /// <summary>Logits, the stream after the first block, loss and gradients.</summary>
    public static IEnumerable<Comparison> DeiT(ReferenceCase file)
    {
        var (image, patch, dim, depth, heads, classes) =
            (file.Integer("img_size"), file.Integer("patch_size"), file.Integer("embed_dim"),
            file.Integer("depth"), file.Integer("num_heads"), file.Integer("num_classes"));
        return file.Flag("distilled")
            ? Distilled(file, new DeiT(image, patch, dim, depth, heads, classes, mlpRatio: file.Integer("mlp_ratio")))
            : Undistilled(file, new VisionTransformer(
                image, patch, dim, depth, heads, classes, mlpRatio: file.Integer("mlp_ratio")));
    }

    /// <summary>Logits, outputs of the stages, loss and gradients.</summary>
    public static IEnumerable<Comparison> Swin(ReferenceCase file)
    {
        var (depths, heads) = (Integers(file, "depths"), Integers(file, "num_heads"));
        if (depths.Length != 2)
        {
            throw new NotSupportedException($"A Swin of {depths.Length} stages is not among the models here; 2 are.");
        }

        var model = new TwoStageSwin(
            file.Integer("img_size"), file.Integer("patch_size"), file.Integer("embed_dim"), depths[0], depths[1],
                heads[0], heads[1],
            file.Integer("window_size"), file.Integer("num_classes"));
        var weights = Load(model, name => file.Tensor($"w.{TorchvisionName(name)}"));
        var outputs = new Dictionary<string, Tensor>();
        Watch(model.PatchEmbed, "features_out.0", outputs);
        Watch(model.Stage0, "features_out.1", outputs);
        Watch(model.Stage1.Downsample, "features_out.2", outputs);
        Watch(model.Stage1, "features_out.3", outputs);
        var x = file.Tensor("x").requires_grad_();
        var logits = model.call(x);
        yield return file.Compare("logits", logits);
        foreach (var (name, output) in outputs)
        {
            yield return file.Compare(name, output);
        }

        foreach (var comparison in Loss(
            file, cross_entropy(logits, file.Tensor("targets")), x, weights, TorchvisionName))
        {
            yield return comparison;
        }
    }

    private static IEnumerable<Comparison> Distilled(ReferenceCase file, DeiT model)
    {
        var weights = Load(model, name => file.Tensor($"w.{name}"));
        var outputs = new Dictionary<string, Tensor>();
        Watch(model.Blocks[0], "block_out.0", outputs);
        var x = file.Tensor("x").requires_grad_();
        yield return file.Compare("logits_eval", model.call(x));
        var (byClass, byTeacher) = model.Logits(x);
        yield return file.Compare("logits_cls", byClass);
        yield return file.Compare("logits_dist", byTeacher);
        yield return file.Compare("block_out.0", outputs["block_out.0"]);
        var loss = cross_entropy(byClass, file.Tensor("targets"))
            + (0.5 * cross_entropy(byTeacher, file.Tensor("targets_dist")));
        foreach (var comparison in Loss(file, loss, x, weights, name => name))
        {
            yield return comparison;
        }
    }

    private static IEnumerable<Comparison> Undistilled(ReferenceCase file, VisionTransformer model)
    {
        var weights = Load(model, name => file.Tensor($"w.{name}"));
        var outputs = new Dictionary<string, Tensor>();
        Watch(model.Blocks[0], "block_out.0", outputs);
        var x = file.Tensor("x").requires_grad_();
        var logits = model.call(x);
        yield return file.Compare("logits_cls", logits);
        yield return file.Compare("block_out.0", outputs["block_out.0"]);
        foreach (var comparison in Loss(file, cross_entropy(logits, file.Tensor("targets")), x, weights, name => name))
        {
            yield return comparison;
        }
    }

    private static IEnumerable<Comparison> Loss(
        ReferenceCase file, Tensor loss, Tensor x, Dictionary<string, Parameter> weights, Func<string, string> nameOf)
    {
        yield return file.Compare("loss", loss.reshape(1));
        loss.backward();
        yield return file.Compare("grad.x", x.grad!);
        foreach (var (name, parameter) in weights)
        {
            if (file.Has($"grad.{nameOf(name)}"))
            {
                yield return file.Compare($"grad.{nameOf(name)}", parameter.grad!);
            }
        }
    }

    private static Dictionary<string, Parameter> Load(nn.Module model, Func<string, Tensor> stored)
    {
        var weights = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        using var noGrad = no_grad();
        foreach (var (name, parameter) in weights)
        {
            parameter.copy_(stored(name));
        }

        return weights;
    }

    private static void Watch(nn.Module<Tensor, Tensor> module, string name, Dictionary<string, Tensor> outputs) =>
        module.register_forward_hook((_, _, output) =>
        {
            outputs[name] = output.detach().DetachFromDisposeScope(); // the model frees what is made inside it
            return output;
        });

    private static int[] Integers(ReferenceCase file, string name) =>
        JsonSerializer.Deserialize<int[]>(file.Text(name))!;

    /// <summary>
    /// timm's name as torchvision has it: a stage and the merging before it are features of their own there.
    /// </summary>
    private static string TorchvisionName(string name)
    {
        name = Stage().Replace(name, match => $"features.{(2 * int.Parse(match.Groups[1].Value)) + 1}.");
        name = Downsample().Replace(name, match => $"features.{int.Parse(match.Groups[1].Value) - 1}.");
        return name.Replace("patch_embed.proj", "features.0.0").Replace("patch_embed.norm", "features.0.2")
            .Replace("head.fc", "head").Replace("mlp.fc1", "mlp.0").Replace("mlp.fc2", "mlp.3");
    }

    [GeneratedRegex(@"^layers\.(\d+)\.(?:blocks\.)?")]
    private static partial Regex Stage();

    [GeneratedRegex(@"^features\.(\d+)\.downsample\.")]
    private static partial Regex Downsample();
}
