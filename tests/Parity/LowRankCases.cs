namespace Marrow.Parity;

// LoRA with its other starts, DoRA, and the small network of the LoRA+ files.

[Dora(Rank = nameof(r), Alpha = nameof(alpha))]
public sealed partial class DoraCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Dora(Rank = nameof(r), Alpha = nameof(alpha), RankStabilized = true)]
public sealed partial class RankStabilizedDoraCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), Init = LoraInit.Pissa)]
public sealed partial class PissaCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), Init = LoraInit.Pissa, RankStabilized = true)]
public sealed partial class RankStabilizedPissaCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), Init = LoraInit.Olora)]
public sealed partial class OloraCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), Init = LoraInit.Olora, RankStabilized = true)]
public sealed partial class RankStabilizedOloraCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), Init = LoraInit.LoraGa)]
public sealed partial class LoraGaCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), Init = LoraInit.LoraGa, RankStabilized = true)]
public sealed partial class RankStabilizedLoraGaCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

/// <summary>An embedding, if there is one, and two layers with LoRA around a norm that trains too.</summary>
[Model]
public partial class LoraPlusCase(int vocabulary, int inFeatures, int hidden, int outFeatures, int r, double alpha)
{
    [Lora(Rank = nameof(r), Alpha = nameof(alpha))]
    [Embedding(nameof(vocabulary), nameof(inFeatures), When = "vocabulary > 0")]
    public partial Embedding? Embed { get; }

    [Lora(Rank = nameof(r), Alpha = nameof(alpha)), Linear(nameof(inFeatures), nameof(hidden))]
    public partial Linear Fc1 { get; }

    [LayerNorm(nameof(hidden), Eps = 1e-5)]
    public partial LayerNorm Norm { get; }

    [Lora(Rank = nameof(r), Alpha = nameof(alpha)), Linear(nameof(hidden), nameof(outFeatures))]
    public partial Linear Fc2 { get; }

    [Forward]
    private TorchSharp.torch.Tensor Network(TorchSharp.torch.Tensor x) =>
        Fc2.call(Norm.call(Fc1.call(Embed?.call(x) ?? x).tanh()));
}
