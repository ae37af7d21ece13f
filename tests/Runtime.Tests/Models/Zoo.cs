using static TorchSharp.torch;

namespace Marrow.Tests.Models;

// Small models that use every part of the DSL.

/// <summary>A module written by hand, in TorchSharp's own way.</summary>
public sealed class HandWritten : nn.Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear inner;

    public HandWritten(int width)
        : base(nameof(HandWritten))
    {
        inner = nn.Linear(width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => inner.call(x);
}

[Model]
public partial class Cell(int width, double drop = 0.0)
{
    [LayerNorm(nameof(width)), Name("ln")] public partial LayerNorm Norm { get; }

    [Bone(BlockSize = 2), Linear(nameof(width), "2 * width")] public partial Linear Up { get; }

    [Linear("2 * width", nameof(width), Bias = false)] public partial Linear Down { get; }

    [Dropout(nameof(drop))] public partial Dropout Drop { get; }

    [Forward]
    private Tensor Network(Tensor x) => x + Drop.call(Down.call(nn.functional.relu(Up.call(Norm.call(x)))));
}

[Model]
public partial class Everything(int vocabulary, int width, int depth = 2, bool tied = true)
{
    public const int Positions = 8;

    [Embedding(nameof(vocabulary), nameof(width)), Name("tok.emb")] public partial Embedding Tokens { get; }

    [Parameter(1, nameof(Positions), nameof(width), Init = ParameterInit.Normal)]
    [Name("tok.pos")]
    public partial Tensor PosEmbed { get; }

    [Buffer(nameof(Positions), Init = nameof(Ramp))] public partial Tensor Scale { get; }

    [Block(nameof(width), Count = nameof(depth))] public partial ModuleList<Cell> Cells { get; }

    [Block(nameof(width))] public partial HandWritten Hand { get; }

    [Block(nameof(width), Count = 2)] public partial ModuleList<HandWritten> Hands { get; }

    [Head]
    [Linear(nameof(width), nameof(vocabulary), Bias = false, Tie = nameof(Tokens), TieWhen = nameof(tied))]
    public partial Linear Head { get; }

    [Forward]
    private (Tensor Logits, Tensor Stream) Network(Tensor ids, Tensor shift)
    {
        var x = (Tokens.call(ids) + PosEmbed) * Scale.unsqueeze(-1) + shift;
        foreach (var cell in Cells)
        {
            x = cell.call(x);
        }

        foreach (var hand in Hands)
        {
            x = hand.call(x);
        }

        x = Hand.call(x);
        return (Head.call(x), x);
    }

    private static Tensor Ramp() => arange(Positions, dtype: float64) / 3;
}

[Lora(Rank = 2)]
public partial class EverythingLora() : Everything(vocabulary: 12, width: 4, tied: false);
