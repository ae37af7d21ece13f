namespace Marrow.Models;

/// <summary>
/// LLaMA (arXiv 2302.13971, 2307.09288, 2407.21783): the <see cref="Decoder"/> that has its sizes alone.
/// </summary>
/// <param name="vocabulary">Number of token ids.</param>
/// <param name="hidden">Width of the residual stream.</param>
/// <param name="intermediate">Width inside the MLP.</param>
/// <param name="layers">Number of blocks.</param>
/// <param name="heads">Query heads; divides <paramref name="hidden"/>.</param>
/// <param name="keyValueHeads">Key and value heads; divides <paramref name="heads"/>.</param>
/// <param name="context">The longest sequence.</param>
/// <param name="normEps">Added to the mean square in the norms.</param>
/// <param name="ropeTheta">Base of the rotary angles.</param>
/// <param name="tied">Whether the output head shares the embedding's weight.</param>
/// <param name="rope">How rotary angles are scaled (Llama 3.1 and later).</param>
[Model]
public partial class Llama(
    int vocabulary,
    int hidden,
    int intermediate,
    int layers,
    int heads,
    int keyValueHeads,
    int context = 4096,
    double normEps = 1e-5,
    double ropeTheta = 10000,
    bool tied = false,
    RopeScaling? rope = null)
    : Decoder(new DecoderSizes(
        vocabulary, hidden, intermediate, layers, heads, keyValueHeads, context, normEps, ropeTheta, tied, Rope: rope));
