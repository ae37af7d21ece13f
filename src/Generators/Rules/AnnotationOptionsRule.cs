using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>
/// MRW205: options of adapters and quantizers are given once, exist in the chosen form, and are in their range.
/// </summary>
internal static class AnnotationOptionsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var annotations = check.Type.Annotations.Select(annotation => (Property: (string?)null, annotation))
            .Concat(check.Type.Layers.SelectMany(layer => layer.Annotations
                .Select(annotation => (Property: (string?)layer.Property.Name, annotation))));
        foreach (var (property, annotation) in annotations)
        {
            foreach (var error in Errors(annotation, property is not null))
            {
                yield return new(
                    error.Id,
                    new Site.Argument(property, annotation.Attribute, error.Argument) { Index = annotation.Position },
                    $"[{annotation.Attribute}] {error.Message}");
            }
        }
    }

    private static IEnumerable<ArgumentError> Errors(AnnotationSpec annotation, bool isOnProperty)
    {
        foreach (var error in annotation.Header.Errors)
        {
            yield return error;
        }

        string[] ofClasses = ["Targets", "Exclude", "Train", "Bias"];
        foreach (var option in isOnProperty ? ofClasses.Where(annotation.Has) : [])
        {
            yield return Wrong(option, $"on a property means that layer; {option} belongs on a class");
        }

        if (annotation is not AdapterSpec adapter)
        {
            yield break;
        }

        if (AdapterOptions.DropoutFault(adapter.Dropout?.Evaluate(_ => null).Number) is { } fault)
        {
            yield return Wrong("Dropout", fault);
        }

        foreach (var error in adapter.Evaluate(SizeArithmetic.Fold).OptionErrors())
        {
            yield return error;
        }
    }

    private static ArgumentError Wrong(string option, string message) =>
        new(option, message, DiagnosticIds.UnknownOption);
}
