using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Layers;

[Model]
public partial class Shapes(int width)
{
    [Linear(nameof(width), 6)] public partial Linear Up { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }

    [RmsNorm(nameof(width))] public partial RmsNorm Rms { get; }

    [Embedding(10, nameof(width)), Name("tok.emb")] public partial Embedding Tokens { get; }

    [Conv2d(3, 4, 3), Name("patch")] public partial Conv2d Conv { get; }

    [Forward]
    private Tensor Network(Tensor x) => x;
}

[Lora(Rank = 2)]
public partial class ShapesLora() : Shapes(8);

/// <summary>A layer that refuses its input says who it is, what it takes, and what it got.</summary>
public class ShapeErrorTests
{
    public static TheoryData<string, Func<Shapes, Tensor>> Cases => new()
    {
        { "'up' takes Float32 [..., 8]; the input is Float32 [2, 5]", model => model.Up.call(randn(2, 5)) },
        { "'up' takes Float32 [..., 8]; the input is Float64 [2, 8]",
            model => model.Up.call(randn(2, 8, dtype: float64)) },
        { "'norm' takes Float32 [..., 8]; the input is Float32 [8, 2]", model => model.Norm.call(randn(8, 2)) },
        { "'rms' takes [..., 8]; the input is [4, 1]", model => model.Rms.call(randn(4, 1)) },
        { "'tok.emb' takes ids (Int64) from 0 to 9; the input is Int64 [2]",
            model => model.Tokens.call(tensor(new long[] { 3, 10 })) },
        { "'tok.emb' takes ids", model => model.Tokens.call(randn(2)) },
        { "'patch' takes Float32 [batch, 3, height, width]", model => model.Conv.call(randn(1, 4, 8, 8)) },
        { "of at least the kernel's edge, 3", model => model.Conv.call(randn(1, 3, 2, 8)) },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Refusal_NamesTheLayerAndBothShapes(string words, Func<Shapes, Tensor> call)
    {
        foreach (var model in new[] { new Shapes(8), new ShapesLora() })
        {
            Assert.Contains(words, Assert.Throws<ArgumentException>(() => call(model)).Message);
            using (model.DisableAdapters())
            {
                Assert.Contains(words, Assert.Throws<ArgumentException>(() => call(model)).Message);
            }
        }
    }
}
