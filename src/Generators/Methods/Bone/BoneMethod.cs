using Marrow.Generators.Declarations;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Methods.Bone;

/// <summary>Reads [Bone] (block affine adaptation, arXiv 2409.15371).</summary>
internal sealed class BoneMethod : AdapterMethod
{
    public override string Attribute => "Bone";

    public override AdapterSpec Read(OptionReader options, ISymbol carrier)
    {
        var form = options.Member<BoneForm>("Form");
        var blockSize = options.Size("BlockSize", unset: 64);
        var miniRank = options.Size("MiniRank", unset: 0);
        var dropout = options.Size("Dropout");
        return new BoneSpec(options.Header(Attribute, carrier), form, blockSize, miniRank, dropout);
    }
}
