using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Parity;

/// <summary>Quantized layers and models. Every parameter has the name that the reference gives it.</summary>
internal static class QuantizedMethods
{
    public static IEnumerable<Comparison> Linear(ReferenceCase file)
    {
        var (input, output, bits, activations) =
            (file.Integer("in"), file.Integer("out"), file.Integer("weight_bits"), file.Integer("input_bits"));
        var shape = file.Tensor("x").shape;
        var (tokens, isPositive) = ((int)shape[^2], file.Flag("act_all_positive"));
        return OneLayer(file, (file.Text("kind"), isPositive) switch
        {
            ("QLinear", false) => new StatsQCase(input, output, tokens, bits, activations),
            ("QLinear", true) => new PositiveStatsQCase(input, output, tokens, bits, activations),
            ("LSQ_w_and_act_QLinear", false) => new LsqCase(input, output, tokens, bits, activations),
            ("LSQ_w_and_act_QLinear", true) => new PositiveLsqCase(input, output, tokens, bits, activations),
            ("LSQ_QLinear4head", false) => new HeadCase(input, output, bits, activations),
            var (kind, _) => throw new NotSupportedException($"There is no quantized layer of the kind '{kind}'."),
        });
    }

    public static IEnumerable<Comparison> Mlp(ReferenceCase file)
    {
        var (dim, hidden, bits, activations) =
            (file.Integer("in"), file.Integer("hidden"), file.Integer("weight_bits"), file.Integer("input_bits"));
        var tokens = (int)file.Tensor("x").shape[^2];
        return file.Text("kind") == "QMLP"
            ? OneLayer(file, new StatsQMlpCase(dim, hidden, tokens, bits, activations))
            : OneLayer(file, new LsqMlpCase(dim, hidden, tokens, bits, activations));
    }

    public static IEnumerable<Comparison> Convolution(ReferenceCase file) => OneLayer(
        file, new PatchConvolutionCase(
            file.Integer("image"), file.Integer("patch"), file.Integer("in"), file.Integer("out")));

    public static IEnumerable<Comparison> Attention(ReferenceCase file)
    {
        var (dim, heads, bits, activations) =
            (file.Integer("dim"), file.Integer("heads"), file.Integer("weight_bits"), file.Integer("input_bits"));
        var tokens = (int)file.Tensor("x").shape[1];
        return OneLayer(file, file.Text("kind") switch
        {
            "QAttention" => new StatsQAttentionCase(dim, heads, tokens, bits, activations),
            "QAttention_lsq" => new LsqAttentionCase(dim, heads, tokens, bits, activations),
            "QAttention_qkreparam" => new QkrAttentionCase(dim, heads, tokens, bits, activations),
            "QAttention_qkreparam_4_cga" => new CgaQkrAttentionCase(dim, heads, tokens, bits, activations),
            "QAttention_swin" => new WindowAttentionCase(
                dim, heads, file.Integer("window_size"), file.Integer("shift_size"), bits, activations),
            "QAttention_swin_qkreparam" => new QkrWindowAttentionCase(
                dim, heads, file.Integer("window_size"), file.Integer("shift_size"), bits, activations),
            var kind => throw new NotSupportedException($"There is no quantized attention of the kind '{kind}'."),
        });
    }

    /// <summary>Steps of the first pass, logits, loss and gradients of a whole model.</summary>
    public static IEnumerable<Comparison> DeiT(ReferenceCase file)
    {
        var (image, patch, dim, depth, heads, classes, ratio, bits, activations) =
            (file.Integer("img_size"), file.Integer("patch_size"), file.Integer("embed_dim"),
            file.Integer("depth"), file.Integer("num_heads"), file.Integer("num_classes"), file.Integer("mlp_ratio"),
                file.Integer("weight_bits"), file.Integer("input_bits"));
        Models.DeiT model = file.Text("attention") switch
        {
            "qkr" => new QkrDeiTCase(image, patch, dim, depth, heads, classes, ratio, bits, activations),
            "plain" => new StatsQDeiTCase(image, patch, dim, depth, heads, classes, ratio, bits, activations),
            _ => new LsqDeiTCase(image, patch, dim, depth, heads, classes, ratio, bits, activations),
        };
        var parameters = Parameters(model, "");
        FirstPass(file, parameters);
        var x = file.Tensor("x");
        var (byClass, byTeacher) = model.Logits(x);
        yield return file.Compare("init.logits_cls", byClass);
        yield return file.Compare("init.logits_dist", byTeacher);
        foreach (var comparison in Steps(file, parameters))
        {
            yield return comparison;
        }

        (byClass, byTeacher) = model.Logits(x);
        yield return file.Compare("logits_cls", byClass);
        yield return file.Compare("logits_dist", byTeacher);
        var soft = -(softmax(file.Tensor("teacher_logits"), 1) * log_softmax(byTeacher, 1)).sum([1]).mean();
        var loss = cross_entropy(byClass, file.Tensor("targets")) + soft;
        yield return file.Compare("loss", loss.reshape(1));
        loss.backward();
        foreach (var comparison in Gradients(file, parameters))
        {
            yield return comparison;
        }
    }

    private static IEnumerable<Comparison> OneLayer(ReferenceCase file, nn.Module<Tensor, Tensor> model)
    {
        var parameters = Parameters(model, "layer.");
        FirstPass(file, parameters);
        var x = file.Tensor("x").requires_grad_();
        yield return file.Compare("init.y", model.call(x));
        foreach (var comparison in Steps(file, parameters))
        {
            yield return comparison;
        }

        var y = model.call(x);
        yield return file.Compare("y", y);
        y.backward([file.Tensor("gy")]);
        yield return file.Compare("grad.x", x.grad!);
        foreach (var comparison in Gradients(file, parameters))
        {
            yield return comparison;
        }
    }

    /// <summary>The parameters by the reference's names; for a single layer without its own name.</summary>
    private static Dictionary<string, Parameter> Parameters(nn.Module model, string prefix) =>
        model.named_parameters().ToDictionary(
        pair => pair.name.StartsWith(prefix, StringComparison.Ordinal) ? pair.name[prefix.Length..] : pair.name, pair =>
            pair.parameter);

    /// <summary>Loads everything but the steps, which the first pass over x must find.</summary>
    private static void FirstPass(ReferenceCase file, Dictionary<string, Parameter> parameters)
    {
        using var noGrad = no_grad();
        foreach (var (name, parameter) in parameters.Where(pair => !file.Has($"init.{pair.Key}")))
        {
            parameter.copy_(file.Tensor($"param.{name}"));
        }
    }

    /// <summary>Compares the steps that were found, and loads those of the recorded pass.</summary>
    private static IEnumerable<Comparison> Steps(ReferenceCase file, Dictionary<string, Parameter> parameters)
    {
        foreach (var (name, parameter) in parameters.Where(pair => file.Has($"init.{pair.Key}")))
        {
            yield return file.Compare($"init.{name}", parameter);
            using var noGrad = no_grad();
            parameter.copy_(file.Tensor($"param.{name}"));
        }
    }

    private static IEnumerable<Comparison> Gradients(ReferenceCase file, Dictionary<string, Parameter> parameters)
    {
        foreach (var name in file.Names.Where(name =>
            name.StartsWith("grad.", StringComparison.Ordinal) && name != "grad.x"))
        {
            yield return file.Compare(name, parameters[name["grad.".Length..]].grad!);
        }
    }
}
