using Marrow.Generators.Specs;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Reads adapter attributes on a class or a property.</summary>
internal static class AdapterReader
{
    public static IEnumerable<AdapterSpec> Read(ISymbol symbol, ExpressionReader expressions)
    {
        foreach (var attribute in symbol.GetAttributes())
        {
            var options = new AnnotationOptions(attribute, expressions);
            switch (attribute.AttributeClass?.FullName())
            {
                case KnownNames.Bone:
                    yield return new BoneSpec(
                        options.Member("Form", "Row"),
                        options.Size("BlockSize", 64),
                        options.Size("MiniRank", 0),
                        options.Number("Dropout"),
                        options.Targets,
                        options.Given);
                    break;
                case KnownNames.Lora or KnownNames.Dora:
                    yield return new LoraSpec(
                        attribute.AttributeClass.FullName() == KnownNames.Dora ? "Dora" : "Lora",
                        options.Size("Rank", 8),
                        options.Has("Alpha") ? options.Size("Alpha", 0) : null,
                        options.Flag("RankStabilized"),
                        options.Member("Init", "Kaiming"),
                        options.Integer("Iterations"),
                        options.Number("LearningRateRatio", 1),
                        options.Number("Dropout"),
                        options.Targets,
                        options.Given);
                    break;
            }
        }
    }
}
