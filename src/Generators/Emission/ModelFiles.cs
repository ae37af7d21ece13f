using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Methods;
using Marrow.Generators.Reading;
using Marrow.Generators.Rules;

namespace Marrow.Generators.Emission;

/// <summary>The files that are emitted for a model class: its other part, and the classes of its layers.</summary>
internal static class ModelFiles
{
    /// <summary>The version that emitted code names.</summary>
    public static readonly string Version = typeof(ModelFiles).Assembly.GetName().Version.ToString(3);

    /// <summary>
    /// The files; none if the class cannot have a second part. A failure gives the class throwing members.
    /// </summary>
    public static IReadOnlyList<EmittedFile> Emit(GeneratorInput input, MethodTable methods)
    {
        var type = input.Closure.Root;
        if (type.Error is { Stub: Stub.None } || !(type.IsModel || type.Layers.Count > 0))
        {
            return [];
        }

        if (input.Failure is not null)
        {
            return [Invalid(input.Closure, $"{DiagnosticIds.InternalError}: {input.Failure}")];
        }

        try
        {
            var message = type.IsRepeated
                ? $"Model class '{type.Name}' is declared twice"
                : ModelCheck.Run(input.Closure, methods.Rules).Concat(Unmade(input.Closure)).FirstOrDefault(IsFatal)
                    is { } violation ? $"{violation.Id}: {violation.Message}" : null;
            return message is null ? Valid(input.Closure) : [Invalid(input.Closure, message)];
        }
        catch (Exception failure)
        {
            var message = InternalError.Describe(type.Name, failure);
            return [Invalid(input.Closure, $"{DiagnosticIds.InternalError}: {message}")];
        }
    }

    /// <summary>A class of the model for which no model can be emitted; it has a diagnostic of its own.</summary>
    private static IEnumerable<Violation> Unmade(ModelClosure closure) => closure.Classes
        .Where(type => type.Error is { Stub: not Stub.Model })
        .Select(ClassShapeRule.Of)
        .OfType<Violation>();

    private static bool IsFatal(Violation violation) => Descriptors.StopsEmission(violation.Id);

    private static IReadOnlyList<EmittedFile> Valid(ModelClosure closure)
    {
        var (type, view) = (closure.Root, new ModelView(closure));
        var layers = view.Classes.All;
        var space = LayersNamespace(type);
        var model = new EmittedFile(
            $"{type.FileName}.g.cs",
            Format(
                "ModelFile",
                new FileView(
                    type, layers.Count == 0 ? null : space, Contained(type, Templates.Render("Model", view)))));
        return layers.Count == 0
            ? [model]
            :
            [
                model,
                new($"{type.FileName}.Layers.g.cs", Format("LayersFile", new FileView(type, space, Classes(layers)))),
            ];
    }

    /// <summary>
    /// The namespace of a class's layers. It lies in no other class's, where its last name could hide a library's: the
    /// names of nested classes start as no library's does.
    /// </summary>
    private static string LayersNamespace(ClassSpec type)
    {
        var names = type.Key.Split('.');
        var outermost = names.Length - 1 - type.Containers.Count;
        return "Marrow.Emitted." + string.Join(
            ".", names.Select((name, i) => i > outermost ? $"__{name}" : Symbols.Escape(name)));
    }

    private static EmittedFile Invalid(ModelClosure closure, string message) => new(
        $"{closure.Root.FileName}.g.cs",
        Format("ModelFile", new FileView(
            closure.Root, null, Contained(
                closure.Root, Templates.Render("InvalidModel", new InvalidModelView(closure, message))))));

    private static string Classes(IReadOnlyList<EmittedClass> layers) =>
        string.Join("\n\n", layers.Select(layer => layer.Layer switch
    {
        { Adapter: { } adapter } => Templates.Render(adapter.Template, adapter.View(layer)).TrimEnd(),
        { Quantizer: { IsPacked: true } } => Templates.Render("PackedLinear", new QuantizedLayerView(layer)).TrimEnd(),
        _ => Templates.Render("QuantizedLinear", new QuantizedLayerView(layer)).TrimEnd(),
    }));

    /// <summary>Puts the containing types around the emitted part.</summary>
    private static string Contained(ClassSpec type, string body)
    {
        var lines = body.TrimEnd().Split('\n').ToList();
        foreach (var container in type.Containers.Reverse())
        {
            lines = [container, "{", .. lines.Select(line => line.Length == 0 ? line : "    " + line), "}"];
        }

        return string.Join("\n", lines);
    }

    private static string Format(string template, FileView view) => LineWrapper.Wrap(Templates.Render(template, view));

    /// <summary>What the templates of whole files print.</summary>
    private sealed class FileView(ClassSpec type, string? layers, string body)
    {
        public string Key => type.Key;

        public string Version => ModelFiles.Version;

        public string Namespace => type.Namespace;

        /// <summary>The namespace of the layer classes, or null if there are none.</summary>
        public string? Layers => layers;

        public string Body => body;
    }
}

/// <summary>A file to emit.</summary>
internal sealed record EmittedFile(string Name, string Text);
