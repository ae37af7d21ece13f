using System.Collections.Concurrent;
using System.Reflection;
using Scriban;
using Scriban.Runtime;

namespace Marrow.Generators.Emission;

/// <summary>The embedded Scriban templates, parsed once.</summary>
internal static class Templates
{
    private static readonly ConcurrentDictionary<string, Template> Parsed = new();

    /// <summary>Renders a template with the properties of <paramref name="view"/> under snake_case names.</summary>
    public static string Render(string name, object view)
    {
        var context = new TemplateContext { NewLine = "\n", LoopLimit = int.MaxValue };
        var globals = new ScriptObject();
        globals.Import(view);
        context.PushGlobal(globals);
        return Parsed.GetOrAdd(name, Parse).Render(context).Replace("\r\n", "\n");
    }

    private static Template Parse(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The generator has no template '{name}'.");
        using var reader = new StreamReader(stream);
        var template = Template.Parse(reader.ReadToEnd(), name);
        return template.HasErrors
            ? throw new InvalidOperationException($"Template '{name}': {string.Join("; ", template.Messages)}")
            : template;
    }
}
