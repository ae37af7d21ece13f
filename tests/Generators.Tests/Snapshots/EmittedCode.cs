using Marrow.Generators.Tests.Harness;
using Xunit;
using static Marrow.Generators.Tests.Harness.Verifier;

namespace Marrow.Generators.Tests.Snapshots;

/// <summary>Whole emitted files, readable as documentation; each also compiles without a warning.</summary>
public class EmittedCode
{
    private const string Mlp = """
        namespace Zoo;

        [Model]
        public partial class Mlp(int width, int hidden)
        {
            [Linear(nameof(width), nameof(hidden))] public partial Linear Up { get; }
            [Linear(nameof(hidden), nameof(width))] public partial Linear Down { get; }

            [Forward]
            private Tensor Network(Tensor x) => Down.call(gelu(Up.call(x)));
        }

        """;

    [Fact]
    public Task PlainModel() => Verify(EmittedText.For("Zoo.Encoder", Mlp + """
        [Model]
        public partial class Encoder(int vocabulary, int width = 32, int depth = 2, double drop = 0.1)
        {
            public const int Positions = 16;

            [Embedding(nameof(vocabulary), nameof(width)), Name("tok.emb")] public partial Embedding Tokens { get; }
            [Parameter(1, nameof(Positions), nameof(width), Init = ParameterInit.Normal)]
            protected partial Tensor PosEmbed { get; }
            [Buffer(nameof(Positions), nameof(Positions), Init = nameof(Causal))] protected partial Tensor Mask { get; }
            [Dropout(nameof(drop))] public partial Dropout Drop { get; }
            [Block(nameof(width), "4 * width", Count = nameof(depth))] public partial ModuleList<Mlp> Blocks { get; }
            [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }
            [Linear(nameof(width), nameof(vocabulary), Bias = false, Tie = nameof(Tokens))]
            public partial Linear Head { get; }

            [Forward]
            private Tensor Network(Tensor ids)
            {
                var x = Drop.call(Tokens.call(ids) + PosEmbed);
                foreach (var block in Blocks)
                {
                    x = x + block.call(x);
                }

                return Head.call(Norm.call(x));
            }

            private static Tensor Causal() => ones(Positions, Positions).tril();
        }
        """));

    [Fact]
    public Task MappedCheckpoint() => Verify(EmittedText.For("Zoo.Mapped", Mlp + """
        [Model]
        [Checkpoint(
            Prefix = "transformer.", Unprefixed = "lm_head", Transpose = "*.c_fc|*.c_proj", Ignore = "*.masked_bias")]
        [Rename("h.*.c_fc", "blocks.*.up"), Rename("h.*.c_proj", "blocks.*.down")]
        [Split("attn.c_attn", "query", "key")]
        [Fuse("lm_head", "lm_head.first", "lm_head.second", Parts = new object[] { nameof(first), "width - first" })]
        public partial class Mapped(int width, int first)
        {
            [Block(nameof(width), "4 * width", Count = 2)] public partial ModuleList<Mlp> Blocks { get; }
            [Linear(nameof(width), nameof(width))] public partial Linear Query { get; }
            [Linear(nameof(width), nameof(width))] public partial Linear Key { get; }
            [Linear(nameof(width), nameof(width))] public partial Linear LmHead { get; }

            [Forward]
            private Tensor Network(Tensor x) => LmHead.call(Query.call(x) + Key.call(x));
        }
        """));

    [Fact]
    public Task BoneRow() =>
        Verify(EmittedText.For("Zoo.Row", Mlp + "[Bone(BlockSize = 16)] public partial class Row() : Mlp(64, 256);"));

    [Fact]
    public Task BoneColumn() => Verify(EmittedText.For("Zoo.Column", Mlp + """
        [Bone(BlockSize = 16, Form = BoneForm.Column, Targets = "up")] public partial class Column() : Mlp(64, 256);
        """));

    [Fact]
    public Task BoneFree() => Verify(EmittedText.For("Zoo.Free", Mlp + """
        [Bone(BlockSize = 48, Form = BoneForm.Free, Dropout = 0.1)] public partial class Free() : Mlp(64, 96);
        """));

    [Fact]
    public Task BoneMini() => Verify(EmittedText.For("Zoo.Mini", Mlp + """
        [Bone(BlockSize = 16, Form = BoneForm.Mini, MiniRank = 8, Targets = "down")] public partial class Mini()
            : Mlp(64, 256);
        """));

    [Fact]
    public Task Lora() => Verify(EmittedText.For("Zoo.LowRank", Mlp + """
        [Lora(Rank = 8, Alpha = 16, Dropout = 0.05, Targets = "up")] public partial class LowRank() : Mlp(64, 256);
        """));

    [Fact]
    public Task Dora() => Verify(EmittedText.For("Zoo.Decomposed", Mlp + """
        [Dora(Rank = 8, Alpha = 16, Targets = "up")] public partial class Decomposed() : Mlp(64, 256);
        """));

    [Fact]
    public Task Pissa() => Verify(EmittedText.For("Zoo.Principal", Mlp + """
        [Lora(Rank = 8, Init = LoraInit.Pissa, Iterations = 16, LearningRateRatio = 4, Targets = "up")]
        public partial class Principal() : Mlp(64, 256);
        """));

    [Fact]
    public Task RecomputedBlocks() => Verify(EmittedText.For("Zoo.Thrifty", Mlp + """
        [Model]
        public partial class Stack(int width)
        {
            [Block(nameof(width), nameof(width), Count = 4)] public partial ModuleList<Mlp> Blocks { get; }
            [Recompute, Block(nameof(width), nameof(width))] public partial Mlp Last { get; }

            [Forward]
            private Tensor Network(Tensor x)
            {
                foreach (var block in Blocks)
                {
                    x = block.call(x);
                }

                return Last.call(x);
            }
        }

        [Recompute] public partial class Thrifty() : Stack(16);
        """));

    [Fact]
    public Task SizesKnownAtRunTime() => Verify(EmittedText.For("Zoo.Sweep", Mlp + """
        [Bone(BlockSize = nameof(block))] public partial class Sweep(int width, int block) : Mlp(width, 4 * width);
        """));

    [Fact]
    public Task NestedWithOverride() => Verify(EmittedText.For("Zoo.Stack", Mlp + """
        [Model]
        [Bone(BlockSize = 8, Targets = "layers.*")]
        public partial class Stack()
        {
            [Block(32, 64, Count = 3)] public partial ModuleList<Mlp> Layers { get; }
            [Lora(Rank = 4)]
            [Linear(32, 10)] public partial Linear Head { get; }

            [Forward]
            private Tensor Network(Tensor x)
            {
                foreach (var layer in Layers)
                {
                    x = x + layer.call(x);
                }

                return Head.call(x);
            }
        }
        """));

    [Fact]
    public Task QuantizedStatsQ() => Verify(EmittedText.For("Zoo.TwoBit", Mlp + """
        [Quantize(Bits = 2, Activations = 2)] public partial class TwoBit() : Mlp(64, 256);
        """));

    [Fact]
    public Task QuantizedLsqWithBfloat16Backward() => Verify(EmittedText.For("Zoo.FourBit", Mlp + """
        [Quantize(Bits = 4, Activations = 8, Weights = WeightQuantizer.Lsq, Bfloat16Backward = true, Targets = "up")]
        public partial class FourBit() : Mlp(64, 256);
        """));

    [Fact]
    public Task BoneOverAPackedBase() => Verify(EmittedText.For("Zoo.PackedRow", Mlp + """
        [Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)]
        [Bone(BlockSize = 16, Targets = "up")]
        public partial class PackedRow() : Mlp(64, 256);
        """));

    [Fact]
    public Task QuantizedMergedLora() => Verify(EmittedText.For("Zoo.MergedLora", Mlp + """
        [Quantize(Bits = 4), Lora(Rank = 8)] public partial class MergedLora() : Mlp(64, 256);
        """));

    [Fact]
    public Task QuantizedWithFreezing() => Verify(EmittedText.For("Zoo.Freezing", Mlp + """
        [Quantize(Bits = 2, Activations = 8, Oscillation = Oscillation.Freeze, Targets = "up")]
        public partial class Freezing() : Mlp(64, 256);
        """));

    [Fact]
    public Task QkrWithBfloat16Backward() => Verify(EmittedText.For(
        "Halved",
        """
        [Quantize(Bits = 2, Activations = 2, Bfloat16Backward = true), Qkr]
        public sealed partial class Halved()
            : Marrow.Models.DeiT(image: 32, patch: 16, dim: 64, depth: 1, heads: 2, classes: 10);
        """,
        TestCompilation.ModelsAssembly));

    [Fact]
    public Task QuantizedDeiT() => Verify(EmittedText.For(
        "TwoBitTiny",
        """
        [Quantize(Bits = 2, Activations = 2, Oscillation = Oscillation.Cga), Qkr]
        public sealed partial class TwoBitTiny()
            : Marrow.Models.DeiT(image: 224, patch: 16, dim: 192, depth: 12, heads: 3, classes: 1000);
        """,
        TestCompilation.ModelsAssembly));

    [Fact]
    public Task VariantOfAnotherAssembly() => Verify(EmittedText.For(
        "TinyLlama",
        """
        [Bone(BlockSize = 64, Form = BoneForm.Free, Targets = "*.q_proj|*.v_proj")]
        public sealed partial class TinyLlama()
            : Marrow.Models.Llama(
                vocabulary: 512, hidden: 64, intermediate: 172, layers: 4, heads: 4, keyValueHeads: 4);
        """,
        TestCompilation.ModelsAssembly));
}
