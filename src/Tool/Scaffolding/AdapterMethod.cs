namespace Marrow.Tool.Scaffolding;

/// <summary>Ways to fine-tune, by their names on the command line.</summary>
internal static class AdapterMethod
{
    /// <summary>The block size and the rank that hold if none is given; those of the attributes.</summary>
    public const int StandardBlock = 64, StandardRank = 8;

    /// <summary>Makes the attribute of adapters of a block size and a rank; null: every weight trains.</summary>
    public static IReadOnlyDictionary<string, Func<int, int, Attribute>?> All { get; } =
        new Dictionary<string, Func<int, int, Attribute>?>
        {
            ["full"] = null,
            ["bone"] = (block, _) => new BoneAttribute { BlockSize = block },
            ["bone-column"] = (block, _) => new BoneAttribute { BlockSize = block, Form = BoneForm.Column },
            ["bone-free"] = (block, _) => new BoneAttribute { BlockSize = block, Form = BoneForm.Free },
            ["lora"] = (_, rank) => new LoraAttribute { Rank = rank },
            ["lora+"] = (_, rank) => new LoraAttribute { Rank = rank, LearningRateRatio = 16 },
            ["pissa"] = (_, rank) => new LoraAttribute { Rank = rank, Init = LoraInit.Pissa },
            ["olora"] = (_, rank) => new LoraAttribute { Rank = rank, Init = LoraInit.Olora },
            ["lora-ga"] = (_, rank) => new LoraAttribute { Rank = rank, Init = LoraInit.LoraGa },
            ["dora"] = (_, rank) => new DoraAttribute { Rank = rank },
        };
}
