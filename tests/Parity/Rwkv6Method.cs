using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>An RWKV-6 of a reference file's sizes.</summary>
[Model]
public sealed partial class Rwkv6Case(Rwkv6Sizes sizes, double headNormEps) : Rwkv6(
    sizes.Vocabulary, sizes.Width, sizes.Inner, sizes.Layers, sizes.HeadSize, sizes.MixRank, sizes.DecayRank,
        headNormEps);

/// <summary>
/// Logits, residual streams, final state, loss and gradients of a whole RWKV-6, in one pass, in chunks and token by
/// token.
/// </summary>
internal static class Rwkv6Method
{
    public static IEnumerable<Comparison> Run(ReferenceCase file)
    {
        var layers = file.Integer("n_layer");
        var sizes = new Rwkv6Sizes(
            file.Integer("vocab_size"),
            file.Integer("n_embd"),
            file.Integer("dim_ffn"),
            layers,
            file.Integer("head_size"),
            (int)file.Tensor("w.blocks.0.att.time_maa_w2").shape[1],
            (int)file.Tensor("w.blocks.0.att.time_decay_w1").shape[1]);
        using var model = new Rwkv6Case(sizes, file.Number("ln_x_eps"));
        var weights = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        using (no_grad())
        {
            foreach (var (name, parameter) in weights)
            {
                parameter.copy_(file.Tensor($"w.{name}"));
            }
        }

        var streams = new List<Tensor>();
        foreach (var block in model.Blocks)
        {
            block.register_forward_hook((_, _, stream) =>
            {
                streams.Add(stream.detach().DetachFromDisposeScope()); // the model frees what is made inside it
                return stream;
            });
        }

        var tokens = file.Tensor("tokens");
        var logits = model.call(tokens);
        yield return file.Compare("logits", logits);
        for (var i = 0; i < layers; i++)
        {
            yield return file.Compare($"hidden.{i}", streams[i]);
        }

        var loss = nn.functional.cross_entropy(logits.flatten(0, 1), file.Tensor("targets").flatten());
        yield return file.Compare("loss", loss.reshape(1));
        loss.backward();
        foreach (var name in file.Names.Where(name => name.StartsWith("grad.", StringComparison.Ordinal)))
        {
            yield return file.Compare(name, weights[name["grad.".Length..]].grad!);
        }

        // The same logits and states, the state handed on after the first half and after every token.
        foreach (var length in new[] { Math.Max(1, tokens.shape[1] / 2), 1 })
        {
            var parts = new List<Tensor>();
            Rwkv6State? state = null;
            for (var first = 0L; first < tokens.shape[1]; first += length)
            {
                (var part, state) = model.Continue(
                    tokens.narrow(1, first, Math.Min(length, tokens.shape[1] - first)), state);
                parts.Add(part);
            }

            yield return file.Compare("logits", cat(parts, 1));
            foreach (var (i, layer) in state!.Layers.Index())
            {
                yield return file.Compare($"state.{i}.wkv", layer.Wkv);
                yield return file.Compare($"state.{i}.att_shift", layer.AttentionShift);
                yield return file.Compare($"state.{i}.ffn_shift", layer.FeedForwardShift);
            }
        }
    }
}
