using Marrow.Autograd;
using Marrow.CompilerServices;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The end of a language model, from the stream behind its blocks to logits. A model that ends with
/// <code>
/// return CausalHead.Apply(x, stream => LmHead.call(Norm.call(stream)));
/// </code>
/// computes logits of the last position alone in decoding, and where only the loss is asked for, logits of a part of
/// the tokens at a time: those of all tokens would take more memory than all else.
/// </summary>
public static class CausalHead
{
    /// <summary>
    /// Logits that exist at a time where the loss is asked for: 64 MB in float32; on CUDA 128 MB in 16 bits, because
    /// each part reads the head's weight once more.
    /// </summary>
    private const long LogitsOfPart = 1 << 24, LogitsOfPartOnCuda = 1 << 26;

    [ThreadStatic]
    private static Pass? current;

    /// <summary>What a model gives for its stream.</summary>
    /// <param name="x">[batch, tokens, width].</param>
    /// <param name="head">
    /// From [batch, tokens, width] to logits [batch, tokens, vocabulary], each token by itself; it may be given other
    /// numbers of sequences and of tokens.
    /// </param>
    /// <returns>Logits of all tokens, in decoding of the last [batch, 1, vocabulary]; or the loss.</returns>
    public static Tensor Apply(Tensor x, Func<Tensor, Tensor> head) =>
        current is { } pass ? pass.Run(x, head) : head(CachedDecoding.Last(x));

    /// <summary>
    /// The mean loss of tokens, with its graph. A model that does not end with <see cref="Apply"/> computes all logits.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="ids">[batch, tokens].</param>
    /// <param name="labels">
    /// The id that follows each, [batch, tokens]; <paramref name="ignored"/> where none counts.
    /// </param>
    /// <param name="ignored">The label that does not count.</param>
    /// <param name="learned">How many labels count; 0 gives a loss of 0.</param>
    /// <param name="logitsOfPart">How many logits may exist at a time; null for what suits the device.</param>
    internal static Tensor Loss(
        ICausalModel model, Tensor ids, Tensor labels, long ignored, long learned, long? logitsOfPart = null)
    {
        using var scope = NewDisposeScope();
        var usual = ids.device_type == TorchSharp.DeviceType.CUDA ? LogitsOfPartOnCuda : LogitsOfPart;
        var tokens = (logitsOfPart ?? usual) / (VocabularySize.Of(model) ?? 1);
        var pass = new Pass(model, labels.flatten(), ignored, learned, Math.Max(1, tokens));
        var outer = current;
        current = pass;
        try
        {
            var result = ((nn.Module<Tensor, Tensor>)model.Module).call(ids);
            return scope.MoveToOuter(pass.IsOver ? result : pass.Mean(result));
        }
        finally
        {
            current = outer;
        }
    }

    /// <summary>A pass through a model that asks for the loss alone.</summary>
    private sealed class Pass(ICausalModel model, Tensor labels, long ignored, long learned, long tokensOfPart)
    {
        /// <summary>Whether the model has asked for its loss.</summary>
        public bool IsOver { get; private set; }

        public Tensor Run(Tensor x, Func<Tensor, Tensor> head)
        {
            IsOver = true;
            if (labels.numel() <= tokensOfPart)
            {
                return Mean(head(x));
            }

            var trained = is_grad_enabled()
                ? model.Module.parameters().Where(parameter => parameter.requires_grad).ToArray<Tensor>()
                : [];
            return x.requires_grad || trained.Length > 0 ? WithGradients(x, head, trained) : Sum(x, head);
        }

        /// <summary>The mean from all logits at once.</summary>
        public Tensor Mean(Tensor logits) => PartOfMean(logits, labels);

        private Tensor Sum(Tensor x, Func<Tensor, Tensor> head)
        {
            using var scope = NewDisposeScope();
            var sum = zeros([], dtype: WideType(x), device: x.device);
            foreach (var (part, ofPart) in Parts(x))
            {
                using var inner = NewDisposeScope();
                sum.add_(PartOfMean(head(part), ofPart));
            }

            return scope.MoveToOuter(sum);
        }

        /// <summary>
        /// Each part's gradients follow its logits at once; the backward has only to scale their sums. Which of the
        /// model's parameters the head reads shows then: the others have none.
        /// </summary>
        private Tensor WithGradients(Tensor x, Func<Tensor, Tensor> head, Tensor[] trained)
        {
            using var scope = NewDisposeScope();
            var (sum, ofParameters) = (zeros([], dtype: WideType(x), device: x.device), new Tensor?[trained.Length]);
            var dx = x.requires_grad ? empty([labels.numel(), x.size(2)], dtype: x.dtype, device: x.device) : null;
            var done = 0L;
            foreach (var (part, ofPart) in Parts(x.detach()))
            {
                using var inner = NewDisposeScope();
                var stream = dx is null ? part : part.detach().requires_grad_();
                var loss = PartOfMean(head(stream), ofPart);
                sum.add_(loss.detach());
                var gradients = autograd.grad(
                    [loss], [.. dx is null ? [] : (Tensor[])[stream], .. trained], allow_unused: true);
                if (dx is not null)
                {
                    dx.narrow(0, done, ofPart.numel()).copy_(gradients[0].view(ofPart.numel(), -1));
                }

                done += ofPart.numel();
                for (var i = 0; i < trained.Length; i++)
                {
                    if (gradients[^(trained.Length - i)] is { IsInvalid: false } gradient)
                    {
                        // In 16 bits a sum of many parts would lose the last of them.
                        using var wide = gradient.to(WideType(gradient));
                        ofParameters[i] = ofParameters[i]?.add_(wide) ?? wide.clone().DetachFromDisposeScope();
                    }
                }
            }

            var read = trained.Index().Where(pair => ofParameters[pair.Index] is not null).ToList();
            var gradientsOfRead = read.Select(pair =>
            {
                using var wide = ofParameters[pair.Index]!;
                return wide.to(pair.Item.dtype, copy: true);
            });
            return scope.MoveToOuter(OperationFunction.Run(
                new ScaledGradients(sum, [dx?.view(x.shape), .. gradientsOfRead]),
                [x, .. read.Select(pair => pair.Item)]));
        }

        private IEnumerable<(Tensor Stream, Tensor Labels)> Parts(Tensor x)
        {
            var stream = x.reshape(1, -1, x.size(2));
            for (var first = 0L; first < labels.numel(); first += tokensOfPart)
            {
                var count = Math.Min(tokensOfPart, labels.numel() - first);
                yield return (stream.narrow(1, first, count), labels.narrow(0, first, count));
            }
        }

        private Tensor PartOfMean(Tensor logits, Tensor ofPart) =>
            TokenLoss.Sum(logits.flatten(0, 1), ofPart, ignored, 1.0 / Math.Max(1, learned));

        private static ScalarType WideType(Tensor x) => x.dtype == float64 ? float64 : float32;
    }

    /// <summary>A number that was computed with its gradients.</summary>
    private sealed class ScaledGradients(Tensor value, IReadOnlyList<Tensor?> gradients) : Operation
    {
        public override string Name => "the loss of a language model";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            saved.Keep([.. gradients]);
            return value.clone();
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy) =>
            [.. Enumerable.Range(0, saved.Count).Select(i => saved.Optional(i)?.mul(dy))];
    }
}
