using Marrow.Generators.Planning;
using Marrow.Generators.Rules;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>The file that is emitted for a model class.</summary>
internal static class ModelFile
{
    /// <summary>The file's name: the class's metadata name.</summary>
    public static string HintName(ClassSpec type) => type.Key + ".g.cs";

    /// <summary>The file's text, or null if the class cannot have a second part.</summary>
    public static string? Emit(ModelClosure closure)
    {
        var type = closure.Root;
        if (!type.IsModel || type.Fault is not null)
        {
            return null;
        }

        var body = ModelCheck.Run(closure).FirstOrDefault(IsFatal) is { } violation
            ? Templates.Render("InvalidModel", new InvalidModelView(closure, violation))
            : Templates.Render("Model", new ModelView(closure, PlannedModel.Of(closure)));
        return Wrap(type, body);
    }

    private static bool IsFatal(Violation violation) => Diagnostics.Descriptors.IsError(violation.Id);

    /// <summary>Puts the namespace and the containing types around the emitted part.</summary>
    private static string Wrap(ClassSpec type, string body)
    {
        var lines = body.TrimEnd().Split('\n').ToList();
        foreach (var container in type.Containers.Reverse())
        {
            lines = [container, "{", .. lines.Select(line => line.Length == 0 ? line : "    " + line), "}"];
        }

        var usesAdapters = body.Contains("AdaptedLinear\n");
        var usesQuantizers = ((string[])[": Quantized", ": PackedLinear", "builder.Quantize"]).Any(body.Contains);
        return Templates.Render("File", new FileView(type.Key, type.Namespace, string.Join("\n", lines), usesAdapters, usesQuantizers));
    }

    private sealed record FileView(string Key, string Namespace, string Body, bool UsesAdapters, bool UsesQuantizers);
}
