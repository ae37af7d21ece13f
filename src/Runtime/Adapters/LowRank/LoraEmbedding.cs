using System.ComponentModel;
using Marrow.Adapters;
using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// An embedding with LoRA as PEFT has it, <c>y = E[id] + s Aᵀ[id] Bᵀ</c> with A [rank, count] and B [dim, rank]. Its
/// input has no dropout: it is ids.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class LoraEmbedding : Embedding, IAdaptedLayer
{
    private const string AName = "lora_embedding_A", BName = "lora_embedding_B";
    private readonly Adaptation adaptation;
    private readonly LoraSettings settings;

    /// <summary>Makes the frozen table, and A of zeros and B of normal values.</summary>
    /// <exception cref="ArgumentException">The rank does not suit the sizes.</exception>
    public LoraEmbedding(EmbeddingSite site, LoraSettings settings)
        : base(site)
    {
        this.settings = settings;
        settings.Check(new(
            site.Name, site.Count, site.Dim, HasBias: false, null, PositiveInput: false, site.Dtype, site.Device));
        Companion = adaptation = new(this, settings, site.Dtype, site.Device);
        Weight.requires_grad = false;
        using var scope = NewDisposeScope();
        Add(AName, adaptation.Declare(AName, [settings.Rank, site.Count], Initial.Uniform(0)), trainable: true);
        Add(
            BName,
            adaptation.Declare(
                BName,
                [site.Dim, settings.Rank],
                (sizes, dtype, device) => Initial.Normal(sizes, 1, dtype, device)),
            trainable: true);
    }

    Adaptation IAdaptedLayer.Adaptation => adaptation;

    private Tensor A => GetParameter(AName).to(Weight.dtype);

    private Tensor B => GetParameter(BName).to(Weight.dtype);

    /// <inheritdoc/>
    public override Tensor forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter((adaptation.IsEnabled, adaptation.IsMerged) switch
        {
            (false, _) => Rows(adaptation.BaseWeight(), ids),
            (_, true) => Rows(Weight, ids),
            _ => Rows(Weight, ids).add(Rows(A.t(), ids).matmul(B.t()), alpha: settings.Scale),
        });
    }

    /// <summary>E + s (B A)ᵀ, [count, dim].</summary>
    public Tensor AdaptedWeight() => Weight.add(B.mm(A).t(), alpha: settings.Scale);

    Parameter IAdaptedLayer.GetParameter(string name) => GetParameter(name);
}
