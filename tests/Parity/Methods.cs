using Marrow.CompilerServices;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>The methods by the name that reference files give them.</summary>
internal static class Methods
{
    private static readonly (string Name, Func<ReferenceCase, IEnumerable<Comparison>> Run)[] Known =
    [
        ("bone_bat_row", file => OneLayer(file,
            new BoneRowCase(file.Integer("in"), file.Integer("out"), file.Has("bias"), file.Integer("r")), "block")),
        ("bone_bat_col", file => OneLayer(file, new BoneColumnCase(
            file.Integer("in"), file.Integer("out"), file.Has("bias"), file.Integer("r")), "block")),
        ("bone_free", file => OneLayer(file,
            new BoneFreeCase(file.Integer("in"), file.Integer("out"), file.Has("bias"), file.Integer("r")), "block")),
        ("miss_mini", file => OneLayer(file, new BoneMiniCase(file.Integer("in"), file.Integer("out"), file.Has("bias"),
            file.Integer("r"), file.Integer("mini_r")), "block")),
        ("lora", file => OneLayer(file, Lora(file), "A", "B")),
        ("dora", LowRankMethods.Dora),
        ("pissa", LowRankMethods.FromWeight),
        ("olora", LowRankMethods.FromWeight),
        ("lora_ga", LowRankMethods.LoraGa),
        ("lora_plus", LoraPlusMethod.Run),
        ("llama", Llama),
        ("rwkv6", Rwkv6Method.Run),
        ("deit", VisionMethods.DeiT),
        ("swin", VisionMethods.Swin),
        ("ofq_statsq", QuantizerMethods.StatsQ),
        ("ofq_lsq_act", QuantizerMethods.Lsq),
        ("ofq_lsq_weight", QuantizerMethods.Lsq),
        ("ofq_qlinear", QuantizedMethods.Linear),
        ("ofq_qmlp", QuantizedMethods.Mlp),
        ("ofq_patch_conv", QuantizedMethods.Convolution),
        ("ofq_attention_plain_statsq", QuantizedMethods.Attention),
        ("ofq_attention_lsq", QuantizedMethods.Attention),
        ("ofq_attention_qkr", QuantizedMethods.Attention),
        ("ofq_attention_qkr_cga", QuantizedMethods.Attention),
        ("ofq_attention_swin", QuantizedMethods.Attention),
        ("ofq_deit_model", QuantizedMethods.DeiT),
        ("ofq_cga_steps", OscillationMethods.Cga),
        ("ofq_oscillation", OscillationMethods.Track),
    ];

    /// <summary>
    /// The method of this name, or of the longest known name that it starts with, up to a number:
    /// <c>llama2_case7</c> is a llama file, <c>lora_ga</c> is no lora file.
    /// </summary>
    public static Func<ReferenceCase, IEnumerable<Comparison>>? Find(string fixture) => Known
        .Where(method => fixture == method.Name
            || (fixture.StartsWith(method.Name, StringComparison.Ordinal)
                && fixture[method.Name.Length..].TrimStart('_').All(char.IsDigit)))
        .Select(method => method.Run)
        .FirstOrDefault();

    private static OneLinear Lora(ReferenceCase file)
    {
        var (input, output, bias, r, alpha) =
            (file.Integer("in"), file.Integer("out"), file.Has("bias"), file.Integer("r"), file.Number("alpha"));
        return file.Flag("use_rslora")
            ? new RankStabilizedLoraCase(input, output, bias, r, alpha)
            : new LoraCase(input, output, bias, r, alpha);
    }

    /// <summary>Output, gradients, merging and unmerging of one adapted layer.</summary>
    public static IEnumerable<Comparison> OneLayer(ReferenceCase file, OneLinear model, params string[] parameters)
    {
        var layer = (AdaptedLinear)model.Layer;
        using (no_grad())
        {
            layer.Weight.copy_(file.Tensor("weight"));
            layer.Bias?.copy_(file.Tensor("bias"));
            foreach (var (name, parameter) in parameters.Zip(model.AdapterParameters()))
            {
                parameter.copy_(file.Tensor($"param.{name}"));
            }
        }

        foreach (var comparison in Pass(file, model, parameters))
        {
            yield return comparison;
        }

        if (file.Has("merged"))
        {
            model.Merge();
            yield return file.Compare("merged", layer.Weight);
            model.Unmerge();
            if (file.Has("unmerged"))
            {
                yield return file.Compare("unmerged", layer.Weight);
            }
        }
    }

    /// <summary>Output and gradients of the recorded pass.</summary>
    public static IEnumerable<Comparison> Pass(ReferenceCase file, OneLinear model, params string[] parameters)
    {
        var x = file.Tensor("x").requires_grad_();
        var y = model.call(x);
        yield return file.Compare("y", y);
        y.backward([file.Tensor("gy")]);
        yield return file.Compare("grad.x", x.grad!);
        foreach (var (name, parameter) in parameters.Zip(model.AdapterParameters()))
        {
            yield return file.Compare($"grad.{name}", parameter.grad!);
        }
    }

    /// <summary>Logits, residual streams, loss and gradients of a whole LLaMA.</summary>
    private static IEnumerable<Comparison> Llama(ReferenceCase file)
    {
        var ids = file.Tensor("input_ids");
        var model = new Decoder(new DecoderSizes(
            file.Integer("vocab_size"),
            file.Integer("hidden_size"),
            file.Integer("intermediate_size"),
            file.Integer("num_hidden_layers"),
            file.Integer("num_attention_heads"),
            file.Integer("num_key_value_heads"),
            (int)ids.shape[1],
            file.Number("rms_norm_eps"),
            file.Number("rope_theta"),
            file.Flag("tie_word_embeddings")));
        var weights = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        using (no_grad())
        {
            foreach (var (name, parameter) in weights)
            {
                parameter.copy_(file.Tensor($"w.{name}"));
            }
        }

        var streams = new List<Tensor>();
        foreach (var block in model.Layers)
        {
            block.register_forward_hook((_, _, _, stream) =>
            {
                streams.Add(stream.detach().DetachFromDisposeScope()); // the model frees what is made inside it
                return stream;
            });
        }

        var logits = model.call(ids);
        yield return file.Compare("logits", logits);
        for (var i = 0; i < streams.Count; i++)
        {
            yield return file.Compare($"hidden.{i}", streams[i]);
        }

        // Each position predicts the next label.
        var length = ids.shape[1] - 1;
        var loss = nn.functional.cross_entropy(
            logits.narrow(1, 0, length).flatten(0, 1), file.Tensor("labels").narrow(1, 1, length).flatten(),
                ignore_index: -100);
        yield return file.Compare("loss", loss.reshape(1));
        loss.backward();
        foreach (var name in file.Names.Where(name => name.StartsWith("grad.", StringComparison.Ordinal)))
        {
            yield return file.Compare(name, weights[name["grad.".Length..]].grad!);
        }
    }
}
