using Marrow;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

/// <summary>A classifier of points. Change it as you like: what is wrong shows while you type.</summary>
[Model]
public partial class Classifier(int inputs, int width, int classes)
{
    [Linear(nameof(inputs), nameof(width))] public partial Linear First { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }

    [Linear(nameof(width), nameof(width))] public partial Linear Second { get; }

    [Head, Linear(nameof(width), nameof(classes))] public partial Linear Score { get; }

    [Forward]
    private Tensor Network(Tensor x) => Score.call(gelu(Second.call(gelu(Norm.call(First.call(x))))));
}

//#if (bone)
/// <summary>The classifier with Bone adapters: go to its definition to read what is emitted.</summary>
[Bone(BlockSize = 16, Targets = "second", Train = "first|norm|score")]
//#endif
//#if (lora)
/// <summary>The classifier with LoRA: go to its definition to read what is emitted.</summary>
[Lora(Rank = 8, Targets = "second", Train = "first|norm|score")]
//#endif
//#if (dora)
/// <summary>The classifier with DoRA: go to its definition to read what is emitted.</summary>
[Dora(Rank = 8, Targets = "second", Train = "first|norm|score")]
//#endif
//#if (pissa)
/// <summary>The classifier with PiSSA: go to its definition to read what is emitted.</summary>
[Lora(Rank = 8, Init = LoraInit.Pissa, Targets = "second", Train = "first|norm|score")]
//#endif
//#if (full)
/// <summary>The classifier, all of which is trained.</summary>
//#endif
//#if (quantize)
[Quantize(Bits = 4, Targets = "second")]
//#endif
public sealed partial class TunedClassifier() : Classifier(inputs: 2, width: 64, classes: 3);
