using Marrow.Models;

namespace Marrow.Examples.Chat;

// Plain models; LoadAdapter makes of them what an adapter's folder says.

/// <summary>LLaMA of a checkpoint's sizes.</summary>
[Model]
public partial class LlamaBase(LlamaSizes sizes) : Llama(
    sizes.Vocabulary, sizes.Hidden, sizes.Intermediate, sizes.Layers, sizes.Heads, sizes.KeyValueHeads,
    sizes.Context, sizes.NormEps, sizes.RopeTheta, sizes.Tied);

/// <summary>RWKV-6 of a checkpoint's sizes.</summary>
[Model]
public partial class Rwkv6Base(Rwkv6Sizes sizes) : Rwkv6(
    sizes.Vocabulary, sizes.Width, sizes.Inner, sizes.Layers, sizes.HeadSize, sizes.MixRank, sizes.DecayRank);
